"""Checks: what a spec must not say although its names and shapes are right. One file per concern.

Each check reads a ``Spec`` and yields findings; none knows of the others, and none changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudstate.compiler.diagnostics import Diagnostic
from cloudstate.compiler.model.spec import Handlers, Spec


def check(spec: Spec) -> Iterator[Diagnostic]:
    """All findings about a spec, in no particular order."""
    yield from ()


def check_handlers(spec: Spec, handlers: Sequence[Handlers]) -> Iterator[Diagnostic]:
    """Findings about the names that Python gives to handlers, and about the author's classes."""
    yield from ()
