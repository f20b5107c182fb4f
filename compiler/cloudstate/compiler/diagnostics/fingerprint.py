"""What a finding is, whatever line it is on: baselines and code scanning know it again by this."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic

_LENGTH = 16


def fingerprints(diagnostics: Sequence[Diagnostic]) -> tuple[str, ...]:
    """A fingerprint for each finding, in the same order.

    It is made of the code, the file, the message, and the marked line without the space around it. Lines that move
    change nothing. Findings that are equal in all of this are counted, so that a second one is a new one.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    for diagnostic in diagnostics:
        content = _content(diagnostic)
        text = "\n".join((*content, str(seen[content])))
        seen[content] += 1
        made.append(hashlib.sha256(text.encode()).hexdigest()[:_LENGTH])
    return tuple(made)


def _content(diagnostic: Diagnostic) -> tuple[str, ...]:
    span = diagnostic.span
    line = span.source.line(span.source.position(span.start)[0]).strip()
    return (diagnostic.code.id, span.source.name, diagnostic.message, line)
