"""From the text of a lock file to the lock, or to findings that say what is wrong with it and where."""

from __future__ import annotations

import re
from datetime import date

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.lock.file.node import Damaged, each, mapping, parsed, record, text
from cloudstate.compiler.lock.file.render import FORMAT
from cloudstate.compiler.lock.file.seal import seal_of
from cloudstate.compiler.lock.file.versions import read_versions
from cloudstate.compiler.lock.recorded import Acceptance, Lock
from cloudstate.compiler.source import Node, ProblemKind, Source, Span
from cloudstate.compiler.source.yaml_nodes import parse

_HELP = "take the file from version control as it was; `cloudstate release` is what writes it"
_MARKERS = re.compile(r"^(<{7}|={7}|>{7})( .*)?$", re.MULTILINE)


def parse_lock(source: Source) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """The lock of a file; None, and why, where the file is not as it was written."""
    conflict = _MARKERS.search(source.text)
    if conflict is not None:
        span = Span(source, conflict.start(), conflict.end())
        found = codes.LOCK_DAMAGED.at(span, reason="it has the marks of a merge conflict")
        return None, (found.help("take one of the two sides as it is, then run `cloudstate release` again"),)
    node, problems = parse(source)
    if node is None or problems:
        return None, tuple(_damaged(problem.span, _reason(problem.kind, problem.text)) for problem in problems)
    try:
        return _lock(node), ()
    except Damaged as damage:
        return None, (_damaged(damage.span, damage.reason),)
    except _UnknownFormat as unknown:
        found = codes.LOCK_FORMAT.at(unknown.span, f"this compiler reads `{FORMAT}`", found=unknown.found)
        return None, (found.help("use the version of the compiler that wrote the file, or a newer one"),)


class _UnknownFormat(Exception):
    def __init__(self, span: Span, found: str) -> None:
        super().__init__(found)
        self.span = span
        self.found = found


def _damaged(span: Span, reason: str) -> Diagnostic:
    return codes.LOCK_DAMAGED.at(span, reason=reason).help(_HELP)


def _reason(kind: ProblemKind, problem: str) -> str:
    return f"the key `{problem}` stands there twice" if kind is ProblemKind.DUPLICATE_KEY else problem


def _lock(node: Node) -> Lock:
    found = mapping(node).get("format")
    if found is None:
        raise Damaged(node.span, "`format` is missing")
    if text(found) != FORMAT:
        raise _UnknownFormat(found.span, text(found))
    parts = record(node, "format", "versions accepted")
    return Lock(read_versions(parts.get("versions")), each(parts.get("accepted"), _acceptance))


def _acceptance(node: Node) -> Acceptance:
    parts = record(node, "code subject was now reason author until seal")
    entry = Acceptance(
        code=text(parts["code"]),
        subject=text(parts["subject"]),
        was=each(parts["was"], text),
        now=text(parts["now"]),
        reason=text(parts["reason"]),
        author=text(parts["author"]),
        until=parsed(parts["until"], read_date, "a date like 2027-01-31"),
        span=parts["until"].span,
    )
    if seal_of(entry) != text(parts["seal"]):
        raise Damaged(parts["seal"].span, "the acceptance is not what was signed")
    return entry


def read_date(written: str) -> date | None:
    """The day that ``2027-01-31`` names; None if the text names none."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if day.isoformat() == written else None
