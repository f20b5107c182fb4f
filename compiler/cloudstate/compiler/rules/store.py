"""The journal: not in a file that several pods would share (STO501), and within reach (STO502)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import KNATIVE, Manifests, Pod

_OF_ONE_POD = ("sqlite:", "memory")
#: The settings that are addresses, and the ports of those who may be there.
_ADDRESSES = {
    "CLOUDSTATE_JOURNAL": frozenset({4222, 5432}),
    "CLOUDSTATE_BROKER": frozenset({4222}),
    "CLOUDSTATE_CLUSTER": frozenset({4222}),
}
_HOST = re.compile(r"[a-z]+://(?:[^/@]*@)?(\[[^]]*\]|[^/:]*)")
_DNS = frozenset({53})


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with where data is."""
    for pod in manifests.pods:
        settings = manifests.settings(pod)
        yield from _shared(manifests, pod, settings)
        yield from _addresses(settings)
        yield from _reach(manifests, pod, settings)


def _shared(manifests: Manifests, pod: Pod, settings: dict[str, Field]) -> Iterator[Diagnostic]:
    journal = settings.get("CLOUDSTATE_JOURNAL")
    _, most = manifests.bounds(pod.owner)
    if journal is not None and journal.text.startswith(_OF_ONE_POD) and most > 1 and pod.kind != KNATIVE:
        found = codes.JOURNAL_NOT_SHARED.at(journal.span, "of one pod alone", replicas=most)
        yield found.help("use one replica, or a journal in PostgreSQL or JetStream")


def _addresses(settings: dict[str, Field]) -> Iterator[Diagnostic]:
    for name in _ADDRESSES:
        match = _HOST.match(settings[name].text) if name in settings else None
        if match and _is_ip(match[1].strip("[]")):
            found = codes.EGRESS_UNDECLARED.at(settings[name].span, "an IP address", what=f"`{match[1]}`")
            yield found.help("write the name of the host, so that it may move")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reach(manifests: Manifests, pod: Pod, settings: dict[str, Field]) -> Iterator[Diagnostic]:
    """Policies add up: what one lets out, is out."""
    policies = [it for it in manifests.of("networking.k8s.io/NetworkPolicy") if _holds_back(it, pod)]
    if not policies:
        return
    rules = [rule for it in policies for rule in it.at("spec", "egress").items()]
    wanted = {"DNS": _DNS} | {
        f"the address in `{name}`": ports
        for name, ports in _ADDRESSES.items()
        if name in settings and not settings[name].text.startswith(_OF_ONE_POD)
    }
    for what, ports in wanted.items():
        if not any(_lets_out(rule, ports) for rule in rules):
            found = codes.EGRESS_UNDECLARED.at(
                policies[0].at("spec", "policyTypes").span, "nothing lets it out", what=what
            )
            yield found.help(f"add an egress rule for port {' or '.join(map(str, sorted(ports)))}")


def _holds_back(policy: Field, pod: Pod) -> bool:
    wanted = policy.at("spec", "podSelector", "matchLabels").texts()
    types = {it.text for it in policy.at("spec", "policyTypes").items()}
    return "Egress" in types and wanted.items() <= pod.labels.items()


def _lets_out(rule: Field, ports: frozenset[int]) -> bool:
    named = rule.at("ports").items()
    return not named or any(it.at("port").number in ports or not it.at("port") for it in named)
