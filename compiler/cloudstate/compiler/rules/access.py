"""Istio: who gets in. Policies that shut out the service's own pods (IST305), traffic in plain text (IST307)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests, Pod

_POLICY = "security.istio.io/AuthorizationPolicy"
_WAYPOINT = "istio.io/use-waypoint"


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with policies."""
    for pod in manifests.pods:
        yield from _shut_out(manifests, pod)
    for it in manifests.of("security.istio.io/PeerAuthentication"):
        yield from _plain(manifests, it)
    for it in manifests.of("networking.istio.io/DestinationRule"):
        mode = it.at("spec", "trafficPolicy", "tls", "mode")
        if mode.text == "DISABLE":
            yield _unencrypted(mode)


def _shut_out(manifests: Manifests, pod: Pod) -> Iterator[Diagnostic]:
    """What no ALLOW policy lets in is denied as soon as there is one."""
    policies = [
        it for it in manifests.of(_POLICY) if _selects(it, pod) and it.at("spec", "action").text in ("", "ALLOW")
    ]
    rules = [rule for it in policies for rule in it.at("spec", "rules").items()]
    if not policies:
        return
    at = policies[-1].at("spec", "rules")
    services = manifests.services_of(pod)
    for port, name in _ports(services):
        callers = {""} if name.startswith("http-metrics") else {pod.account, *_waypoints(services)}
        for caller in sorted(callers):
            if not any(_admits(rule, caller, port) for rule in rules):
                who = f"the service account `{caller}`" if caller else "a collector of metrics"
                found = codes.POLICY_SHUTS_OUT.at(at.span, "no rule lets it in", who=who, port=port)
                yield found.help(f"add a rule for port {port}")


def _selects(policy: Field, pod: Pod) -> bool:
    wanted = policy.at("spec", "selector", "matchLabels").texts()
    return not policy.at("spec", "targetRefs") and wanted.items() <= pod.labels.items()


def _ports(services: tuple[Field, ...]) -> list[tuple[int, str]]:
    found = {
        (port.at("port").number or 0, "http-metrics" if port.at("name").text == "http-metrics" else "grpc")
        for it in services
        for port in it.at("spec", "ports").items()
    }
    return sorted(found)


def _waypoints(services: tuple[Field, ...]) -> set[str]:
    """The accounts of the waypoints: each has one of its own name."""
    return {name.text for it in services if (name := it.at("metadata", "labels").at(_WAYPOINT))}


def _admits(rule: Field, account: str, port: int) -> bool:
    operations = [it.at("operation", "ports") for it in rule.at("to").items()]
    if operations and not any(not it or str(port) in {one.text for one in it.items()} for it in operations):
        return False
    sources = [it.at("source") for it in rule.at("from").items()]
    return not sources or any(_is_from(it, account) for it in sources if not it.at("requestPrincipals"))


def _is_from(source: Field, account: str) -> bool:
    """Whether a source admits an account; one that names none may."""
    accounts = _accounts(source)
    return not accounts or bool(accounts & {account, "*"})


def _accounts(source: Field) -> set[str]:
    named = {it.text for it in source.at("serviceAccounts").items()}
    return named | {it.text.rpartition("/sa/")[2] for it in source.at("principals").items()}


def _plain(manifests: Manifests, policy: Field) -> Iterator[Diagnostic]:
    mode = policy.at("spec", "mtls", "mode")
    if mode.text != "STRICT":
        yield _unencrypted(mode)
    pods = manifests.selected(policy.at("spec", "selector", "matchLabels").texts())
    grpc = {
        str(port.at("containerPort").number)
        for pod in pods
        for container in pod.containers()
        for port in container.at("ports").items()
        if port.at("name").text.startswith("grpc")
    }
    for port, exception in policy.at("spec", "portLevelMtls").entries():
        if port in grpc and exception.at("mode").text != "STRICT":
            yield _unencrypted(exception.at("mode"))


def _unencrypted(at: Field) -> Diagnostic:
    return codes.PLAIN_TEXT_ALLOWED.at(at.span, "takes what is not encrypted").help("write `STRICT`")
