"""Quantities (K8S130), and limits that leave room for what is requested (K8S131)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests

_QUANTITY = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<unit>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with requests and limits."""
    for pod in manifests.pods:
        for container in pod.containers():
            yield from _resources(container.at("resources"))
        for volume in pod.spec.at("volumes").items():
            yield from _is_quantity(volume.at("emptyDir", "sizeLimit"))
        for claim in pod.owner.at("spec", "volumeClaimTemplates").items():
            yield from _resources(claim.at("spec", "resources"))


def amount(field: Field) -> Fraction | None:
    """What a quantity stands for; None if it is none."""
    value = field.value
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    unit = match["unit"] or ""
    factor = (2, _BINARY[unit]) if unit in _BINARY else (10, _DECIMAL[unit] if unit in _DECIMAL else int(unit[1:] or 0))
    base, power = Fraction(factor[0]), factor[1]
    return Fraction(match["number"].rstrip(".")) * (base**power if power >= 0 else 1 / base**-power)


def _resources(resources: Field) -> Iterator[Diagnostic]:
    for part in ("requests", "limits"):
        for _, field in resources.at(part).entries():
            yield from _is_quantity(field)
    for name, limit in resources.at("limits").entries():
        request = resources.at("requests", name)
        least, most = amount(request), amount(limit)
        if least is not None and most is not None and most < least:
            found = codes.LIMIT_BELOW_REQUEST.at(limit.span, "less than the request", name=name)
            yield found.also(request.span, "the request").help("raise the limit, or lower the request")


def _is_quantity(field: Field) -> Iterator[Diagnostic]:
    if field and amount(field) is None:
        found = codes.QUANTITY_REFUSED.at(field.span, "refused", found=field.value)
        yield found.help("write for example `500m` or `2` for cpu, `256Mi` for memory")
