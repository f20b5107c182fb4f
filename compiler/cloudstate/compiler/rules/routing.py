"""Istio: to which pod a request goes (IST301 to IST303, IST306), and whether it may be sent twice (IST304)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests

_RULE = "networking.istio.io/DestinationRule"
_VIRTUAL = "networking.istio.io/VirtualService"
_KEYS = frozenset({"httpCookie", "httpHeaderName", "httpQueryParameterName", "useSourceIp"})
_WAYPOINT = "istio.io/use-waypoint"
#: Nothing has happened yet when these are reported.
_UNSENT = frozenset({"connect-failure", "refused-stream", "reset-before-request"})
#: What these are sent with makes a second try known.
_IDS = frozenset({"ce-id", "idempotency-key"})


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with routes and hashes."""
    for it in manifests.of(_RULE):
        hashed = it.at("spec", "trafficPolicy", "loadBalancer", "consistentHash")
        if hashed:
            yield from _hash(hashed)
            yield from _host(manifests, it.at("spec", "host"))
    for it in manifests.of(_VIRTUAL):
        for route in it.at("spec", "http").items():
            yield from _retries(route)


def _hash(hashed: Field) -> Iterator[Diagnostic]:
    keys = hashed.keys() & _KEYS
    if len(keys) != 1:
        yield _bad_hash(hashed, f"{len(keys)} keys to hash", "keep one of them: `httpHeaderName`")
    if hashed.at("maglev").node is not None and hashed.at("ringHash").node is not None:
        yield _bad_hash(hashed, "two ways to hash", "keep `maglev`")
    for size in (hashed.at("minimumRingSize"), hashed.at("ringHash", "minimumRingSize")):
        if size and str(size.value) == "0":
            yield _bad_hash(size, "a ring of size 0 sends everything to one pod", "write `1024`, or use `maglev`")
    table = hashed.at("maglev", "tableSize")
    number = int(str(table.value)) if table and str(table.value).isdecimal() else None
    if number is not None and not _is_prime(number):
        found = codes.TABLE_NOT_PRIME.at(table.span, "not a prime number", found=number)
        yield found.help("leave it out, or write for example `65537`")


def _bad_hash(at: Field, reason: str, advice: str) -> Diagnostic:
    return codes.BAD_HASH.at(at.span, "", reason=reason).help(advice)


def _is_prime(number: int) -> bool:
    return 1 < number < 2**32 and all(number % it for it in range(2, int(number**0.5) + 1))


def _host(manifests: Manifests, host: Field) -> Iterator[Diagnostic]:
    service = manifests.named("Service", host.text.partition(".")[0])
    if service is None:
        return
    if service.at("spec", "clusterIP").text == "None":
        found = codes.HASH_ON_HEADLESS.at(host.span, "a headless Service", name=host.text)
        yield found.help("name the Service that callers use")
    names = {name.text for it in manifests.of(_VIRTUAL) for name in it.at("spec", "hosts").items()}
    if service.at("metadata", "labels").at(_WAYPOINT) and host.text not in names:
        found = codes.HASH_NEEDS_ROUTE.at(host.span, "no VirtualService names it", name=host.text)
        yield found.help("add a VirtualService with a route to it")


def _retries(route: Field) -> Iterator[Diagnostic]:
    """Istio itself tries twice where nothing is said."""
    retries = route.at("retries")
    conditions = {it.strip() for it in retries.at("retryOn").text.split(",") if it.strip()}
    if not route.at("route") or retries.at("attempts").number == 0 or (conditions and conditions <= _UNSENT):
        return
    matches = route.at("match").items()
    if not matches or not all(_is_safe(it) for it in matches):
        label = "tried again, whatever it does" if retries else "Istio tries twice where nothing is said"
        found = codes.UNSAFE_RETRIES.at((retries if retries else route).span, label)
        yield found.help(
            "write `retries: {attempts: 0}`, or match commands with a `ce-id` or an `idempotency-key` only"
        )


def _is_safe(match: Field) -> bool:
    """Commands with an id are done once; a whole path names a command that its author has declared to read."""
    return bool(match.at("headers").keys() & _IDS or match.at("uri", "exact"))
