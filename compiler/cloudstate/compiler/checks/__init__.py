"""Checks: what a spec must not say although its names and shapes are right. One file per concern.

Each check reads a ``Spec`` and yields findings; none knows of the others, and none changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudstate.compiler.checks import (
    commands,
    deployment,
    entities,
    events,
    handlers,
    http,
    keywords,
    manifests,
    modules,
    names,
    protos,
    store,
    upcasters,
)
from cloudstate.compiler.diagnostics import Diagnostic
from cloudstate.compiler.model.spec import Handlers, Spec

_CHECKS = (
    names.check,
    entities.check,
    commands.check,
    events.check,
    upcasters.check,
    protos.check,
    modules.check,
    keywords.check,
    http.check,
    store.check,
    deployment.check,
    manifests.check,
)


def check(spec: Spec) -> Iterator[Diagnostic]:
    """All findings about a spec, in no particular order."""
    for each in _CHECKS:
        yield from each(spec)


def check_handlers(spec: Spec, named: Sequence[Handlers]) -> Iterator[Diagnostic]:
    """Findings about the names that Python gives to handlers, and about the author's classes.

    Only for specs without errors: the backend names the handlers of nothing else.
    """
    return handlers.check(spec, named)
