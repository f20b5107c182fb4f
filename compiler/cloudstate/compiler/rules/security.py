"""The ``restricted`` level of pod security (K8S180)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests, Pod

_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SECCOMP = frozenset({"RuntimeDefault", "Localhost"})
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    }
)


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What a namespace that enforces ``restricted`` refuses."""
    for pod in manifests.pods:
        yield from _pod(pod)
        for container in pod.containers():
            yield from _container(pod, container)


def _pod(pod: Pod) -> Iterator[Diagnostic]:
    for key in _HOST:
        if pod.spec.at(key).value is True:
            yield _refused(pod.spec.at(key), f"`{key}` is true", "leave it out")
    for volume in pod.spec.at("volumes").items():
        if not (volume.keys() - {"name"}) <= _VOLUMES:
            yield _refused(volume, "a volume of the node", "use an `emptyDir` or a claim")
    for sysctl in pod.spec.at("securityContext", "sysctls").items():
        if sysctl.at("name").text not in _SYSCTLS:
            yield _refused(sysctl, f"the sysctl `{sysctl.at('name').text}`", "leave it out")
    yield from _user(pod.spec.at("securityContext"))


def _container(pod: Pod, container: Field) -> Iterator[Diagnostic]:
    own, shared = container.at("securityContext"), pod.spec.at("securityContext")
    at = own if own else container.at("name")
    if own.at("allowPrivilegeEscalation").value is not False:
        yield _refused(at, "`allowPrivilegeEscalation` is not false", "write `allowPrivilegeEscalation: false`")
    if own.at("privileged").value is True:
        yield _refused(own.at("privileged"), "`privileged` is true", "leave it out")
    if "ALL" not in {it.text for it in own.at("capabilities", "drop").items()}:
        yield _refused(at, "capabilities are kept", "write `capabilities: {drop: [ALL]}`")
    if {it.text for it in own.at("capabilities", "add").items()} - {"NET_BIND_SERVICE"}:
        yield _refused(own.at("capabilities", "add"), "capabilities are added", "leave them out")
    if (own if own.at("runAsNonRoot") else shared).at("runAsNonRoot").value is not True:
        yield _refused(at, "it may run as root", "write `runAsNonRoot: true`")
    if (own if own.at("seccompProfile") else shared).at("seccompProfile", "type").text not in _SECCOMP:
        yield _refused(at, "it has no seccomp profile", "write `seccompProfile: {type: RuntimeDefault}`")
    if (own.at("procMount").text or "Default") != "Default":
        yield _refused(own.at("procMount"), "`procMount` is not the default", "leave it out")
    for port in container.at("ports").items():
        if port.at("hostPort").number:
            yield _refused(port.at("hostPort"), "a port of the node", "leave `hostPort` out")
    yield from _user(own)


def _user(context: Field) -> Iterator[Diagnostic]:
    if context.at("runAsUser").number == 0:
        yield _refused(context.at("runAsUser"), "`runAsUser` is root", "choose another number")


def _refused(at: Field, reason: str, advice: str) -> Diagnostic:
    return codes.NOT_RESTRICTED.at(at.span, "refused by the level `restricted`", reason=reason).help(advice)
