"""How a pod ends: hooks fit into the grace period (K8S150), and so does the drain (K8S151)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import KNATIVE, Manifests, Pod

#: What Kubernetes grants where nothing is said; seconds.
_GRACE = 30
#: Seconds that the runtime may take after SIGTERM.
_DRAIN = 30
#: Seconds that are left after the hooks of a pod whose proxy drains in its hook.
_STOP = 10
_OURS = ("app.kubernetes.io/managed-by", "cloudstate")
_SLEEP = re.compile(r"sleep\(?\s*([0-9]+)")


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with the end of pods."""
    for pod in manifests.pods:
        if pod.kind != KNATIVE:
            yield from _pod(pod)


def _pod(pod: Pod) -> Iterator[Diagnostic]:
    field = pod.spec.at("terminationGracePeriodSeconds")
    grace = _GRACE if field.number is None else field.number
    hooks = [(pause, hook) for it in pod.containers() if (pause := _pause(hook := it.at("lifecycle", "preStop")))]
    longest, hook = max(hooks, key=lambda it: it[0], default=(0, field))
    wanted = longest + (_STOP if pod.sidecars() else _DRAIN)
    if hooks and longest >= grace:
        found = codes.HOOK_TOO_LONG.at(hook.span, f"{longest} seconds", grace=grace)
        yield found.also(field.span, "the grace period").help("shorten the hook, or raise the grace period")
    elif _OURS in pod.labels.items() and wanted > grace:
        found = codes.GRACE_TOO_SHORT.at(field.span, f"{wanted} seconds are needed", grace=grace)
        yield found.help(f"write `terminationGracePeriodSeconds: {wanted}` or more")


def _pause(hook: Field) -> int:
    """The seconds that a hook waits, as far as one can read it."""
    seconds = hook.at("sleep", "seconds").number
    if seconds is not None:
        return seconds
    command = " ".join(it.text for it in hook.at("exec", "command").items())
    return sum(int(it) for it in _SLEEP.findall(command))
