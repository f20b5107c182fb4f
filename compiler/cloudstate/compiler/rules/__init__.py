"""Rules: what finished manifests must not say, whoever wrote them. Start reading at ``manifests.py``.

The schemas of Kubernetes take what these rules refuse: selectors that select nothing, hooks that outlast the pod,
retries that do a command twice. Each file has the rules of one concern; each rule reads ``Manifests`` and yields
findings, and none reads or changes anything else.
"""

from __future__ import annotations

from cloudstate.compiler.diagnostics import Diagnostic
from cloudstate.compiler.rules import (
    access,
    amounts,
    knative,
    names,
    ports,
    probes,
    references,
    routing,
    scaling,
    secrets,
    security,
    selectors,
    shutdown,
    store,
    versions,
)
from cloudstate.compiler.rules.changes import changes
from cloudstate.compiler.rules.manifests import Manifests

__all__ = ["Manifests", "check"]

_RULES = (
    names.check,
    selectors.check,
    references.check,
    ports.check,
    amounts.check,
    probes.check,
    shutdown.check,
    scaling.check,
    secrets.check,
    security.check,
    versions.check,
    routing.check,
    access.check,
    knative.check,
    store.check,
)


def check(manifests: Manifests, applied: Manifests | None = None) -> tuple[Diagnostic, ...]:
    """All findings about manifests, each once, in the order of their places. No finding shows a credential.

    Args:
        manifests: what is going to be applied.
        applied: what is applied already: then fields that cannot be changed are compared.
    """
    found = {it for rule in _RULES for it in rule(manifests)}
    found |= set(changes(applied, manifests)) if applied else set()
    return secrets.hidden(sorted(found, key=lambda it: it.sort_key))
