"""Ports (K8S120) and what is spoken at them (K8S121)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import KNATIVE, Manifests

_NUMBERS = range(1, 65536)
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_SERVICE_PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
#: Istio says the first, everybody else the second.
_GRPC = frozenset({"grpc", "kubernetes.io/h2c"})


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with ports."""
    for pod in manifests.pods:
        ports = tuple(port for it in pod.containers() for port in it.at("ports").items())
        yield from _listed(ports, "containerPort", _PORT_NAME, needs_names=False, alone=pod.kind != KNATIVE)
    for service in manifests.of("Service"):
        ports = service.at("spec", "ports").items()
        yield from _listed(ports, "port", _SERVICE_PORT_NAME, needs_names=len(ports) > 1, alone=True)
        for port in ports:
            yield from _target(port.at("targetPort"))
            yield from _protocol(port)


def _listed(
    ports: tuple[Field, ...], key: str, pattern: re.Pattern[str], needs_names: bool, alone: bool
) -> Iterator[Diagnostic]:
    names: set[str] = set()
    numbers: set[tuple[int | None, str]] = set()
    for port in ports:
        name, number, protocol = port.at("name"), port.at(key), port.at("protocol").text or "TCP"
        if number.number not in _NUMBERS:
            yield _bad(number, f"the port `{number.value}` is not between 1 and 65535", "choose another number")
        if (name or needs_names) and not pattern.fullmatch(name.text):
            yield _bad(name, f"`{name.value}` cannot be the name of a port", "use lower-case letters, digits and `-`")
        if (name and name.text in names) or (alone and (number.number, protocol) in numbers):
            yield _bad(name if name else number, "a port is there twice", "remove or rename one of them")
        names.add(name.text)
        numbers.add((number.number, protocol))


def _target(target: Field) -> Iterator[Diagnostic]:
    if target and not target.text and target.number not in _NUMBERS:
        yield _bad(target, f"the port `{target.value}` is not between 1 and 65535", "choose another number")


def _protocol(port: Field) -> Iterator[Diagnostic]:
    name = port.at("name")
    if name.text.partition("-")[0] == "grpc" and port.at("appProtocol").text not in _GRPC:
        found = codes.PROTOCOL_UNSAID.at(name.span, "needs an `appProtocol`", name=name.text)
        yield found.help("add `appProtocol: grpc` for Istio, `kubernetes.io/h2c` for everybody else")


def _bad(at: Field, reason: str, advice: str) -> Diagnostic:
    return codes.BAD_PORT.at(at.span, "refused", reason=reason).help(advice)
