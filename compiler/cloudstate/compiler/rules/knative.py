"""Knative: what its admission refuses or drops (KNA401 to KNA404)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import KNATIVE, Manifests, Pod

#: Seconds that Knative grants a request if it is not told otherwise by those who run it.
_LONGEST = 600
_PORT_NAMES = frozenset({"", "h2c", "http1"})
_POD_FIELDS = frozenset(
    {
        "automountServiceAccountToken",
        "containerConcurrency",
        "containers",
        "enableServiceLinks",
        "idleTimeoutSeconds",
        "imagePullSecrets",
        "responseStartTimeoutSeconds",
        "serviceAccountName",
        "timeoutSeconds",
        "volumes",
    }
)
_CONTAINER_FIELDS = frozenset({"lifecycle", "stdin", "stdinOnce", "tty", "volumeDevices"})
_LASTING = frozenset({"persistentVolumeClaim", "hostPath"})


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with serving Services."""
    for pod in manifests.pods:
        if pod.kind == KNATIVE:
            yield from _state(manifests, pod)
            yield from _ports(pod)
            yield from _timeout(pod)
            yield from _fields(pod)


def _state(manifests: Manifests, pod: Pod) -> Iterator[Diagnostic]:
    journal = manifests.settings(pod).get("CLOUDSTATE_JOURNAL")
    kept = [it for it in pod.spec.at("volumes").items() if it.keys() & _LASTING]
    if journal is not None and journal.text.startswith("sqlite:"):
        kept.append(journal)
    for it in kept:
        found = codes.KNATIVE_STATE.at(it.span, "does not outlast the pod")
        yield found.help("use another target, or keep the state in another service")


def _ports(pod: Pod) -> Iterator[Diagnostic]:
    ports = [port for it in pod.containers() for port in it.at("ports").items()]
    if len(ports) > 1:
        found = codes.KNATIVE_PORTS.at(ports[1].span, "refused", reason=f"{len(ports)} ports")
        yield found.also(ports[0].span, "the first one").help("keep one port of one container")
    for port in ports:
        if port.at("name").text not in _PORT_NAMES:
            reason = f"the port name `{port.at('name').text}`"
            yield codes.KNATIVE_PORTS.at(port.at("name").span, "refused", reason=reason).help("write `h2c`")


def _timeout(pod: Pod) -> Iterator[Diagnostic]:
    timeout = pod.spec.at("timeoutSeconds")
    if timeout.number is None or not 0 < timeout.number <= _LONGEST:
        said = "nothing" if timeout.number is None else f"{timeout.number} seconds"
        found = codes.KNATIVE_TIMEOUT.at(timeout.span, f"not 1 to {_LONGEST}", said=said)
        yield found.help(f"write `timeoutSeconds: {_LONGEST}`")


def _fields(pod: Pod) -> Iterator[Diagnostic]:
    behind = [(key, field) for key, field in pod.spec.entries() if key not in _POD_FIELDS]
    for container in pod.serving_later():
        behind += [(key, field) for key, field in container.entries() if key in _CONTAINER_FIELDS]
        for env in container.at("env").items():
            behind += [(key, it) for key, it in env.at("valueFrom").entries() if key.endswith("ieldRef")]
    for key, field in behind:
        yield _refused(key, field)


def _refused(key: str, field: Field) -> Diagnostic:
    return codes.KNATIVE_FIELD.at(field.span, "refused", name=key).help("leave it out")
