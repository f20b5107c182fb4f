"""``cloudstate release SPEC...``: record what specs store in their lock files, as a version that is shipped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.cli.findings import ENVIRONMENT, add_specs, no_protoc, print_findings
from cloudstate.cli.recorded import BREAKING, add_today, day, day_of

if TYPE_CHECKING:
    from cloudstate.compiler.lock import Released, Signature
    from cloudstate.compiler.locks import Subject

HELP = "record what specs store in their lock files, as a version that is shipped"

_FINDINGS = 1
_USAGE = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_specs(parser)
    parser.add_argument("--version", metavar="TEXT", help="the name of the version (default: the next number)")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="CODE[:SUBJECT]",
        help="answer for breaks of a kind, e.g. CS6101, or for one, e.g. CS6101:shop.Added.item; can be repeated",
    )
    parser.add_argument("--reason", metavar="TEXT", help="why they are accepted")
    parser.add_argument("--until", type=day, metavar="DATE", help="the last day on which they are, e.g. 2027-01-31")
    parser.add_argument("--author", metavar="TEXT", help="who accepts them (default: who git says you are)")
    parser.add_argument(
        "--forget",
        action="append",
        default=[],
        metavar="VERSION",
        help="drop a version that no journal has data of any more; can be repeated",
    )
    add_today(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record. Returns the exit code: 1 if there are errors, 2 if the arguments do not fit, 4 if something breaks.

    Nothing is written unless all specs can be released.
    """
    from cloudstate.compiler import locks
    from cloudstate.compiler.protoc import ProtocMissing

    signature = _signature(arguments)
    if isinstance(signature, str):
        print(f"error: {signature}", file=sys.stderr)
        return _USAGE
    released: list[tuple[Subject, Released]] = []
    try:
        subjects, sink = locks.subjects_of(arguments.specs, arguments.name)
        for subject in subjects if not sink.has_errors else ():
            one, findings = locks.release(subject, arguments.version, signature, day_of(arguments), arguments.forget)
            sink.extend(findings)
            released += [(subject, one)] if one is not None else []
    except ProtocMissing as missing:
        return no_protoc(missing)
    except locks.NoVersion as unknown:
        print(f"error: {unknown}", file=sys.stderr)
        return _USAGE
    print_findings(sink.sorted(), arguments.format)
    return _concluded(released, sink.has_errors, arguments.format == "text")


def _signature(arguments: argparse.Namespace) -> Signature | str | None:
    """What the arguments accept; None for nothing; a text that says what is missing."""
    from cloudstate.compiler.diagnostics import closest, codes
    from cloudstate.compiler.lock import Signature
    from cloudstate.compiler.lock.revision import author

    if not arguments.accept:
        given = [name for name in ("reason", "until", "author") if getattr(arguments, name) is not None]
        return f"`--{given[0]}` is for `--accept`" if given else None
    accepted = []
    for text, _, subject in (word.partition(":") for word in arguments.accept):
        code = codes.find(text)
        if code is None:
            guess = closest(text, [*codes.CATALOGUE, *(known.name for known in codes.CATALOGUE.values())])
            return f"unknown code `{text}`" + (f"\n  help: did you mean `{guess}`?" if guess else "")
        accepted.append((code, subject))
    if not arguments.reason or not arguments.until:
        return "`--accept` needs `--reason` and `--until`"
    if arguments.until < day_of(arguments):
        return f"`--until {arguments.until}` is over"
    signer = arguments.author or author(Path())
    if not signer:
        return "git does not know who you are\n  help: say it with `--author`"
    return Signature(accepted, arguments.reason, signer, arguments.until)


def _concluded(released: Sequence[tuple[Subject, Released]], has_errors: bool, is_text: bool) -> int:
    """Write the lock files, unless something forbids it. Returns the exit code."""
    from cloudstate.compiler import locks
    from cloudstate.compiler.inputs import shown

    if any(one.checked.is_breaking for _, one in released):
        return BREAKING
    unused = set.intersection(*(set(one.unused) for _, one in released)) if released else set()
    if has_errors or any(one.lock is None for _, one in released):
        return _FINDINGS
    if unused:
        names = sorted(code.id + (f" for {subject}" if subject else "") for code, subject in unused)
        print(f"error: there is no {', '.join(names)} to accept", file=sys.stderr)
        return _USAGE
    for subject, one in released:
        assert one.lock is not None
        try:
            is_written = locks.write(subject, one.lock)
        except OSError as error:
            print(f"error: {shown(subject.file)}: {error.strerror or error}", file=sys.stderr)
            return ENVIRONMENT
        if is_text:
            what = f"recorded as version {one.name}" if one.is_new else f"nothing is new since version {one.name}"
            print(
                f"{subject.spec.name.value}: {what}, {shown(subject.file)} {'written' if is_written else 'as it was'}"
            )
    return 0
