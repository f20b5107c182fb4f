"""No credentials in manifests (K8S170), and images that cannot be exchanged (K8S171)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cloudstate.compiler.diagnostics import Diagnostic, Label, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests
from cloudstate.compiler.source import Source, Span

_CREDENTIALS = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----")
_SECRET_NAME = re.compile(r"(^|[_.-])(password|passwd|token|secret|api[_-]?key|credentials)$", re.IGNORECASE)


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """Credentials that can be read, and images without a digest where they must have one."""
    for it in manifests.of("Secret"):
        for part in ("data", "stringData"):
            for _, value in it.at(part).entries():
                yield _told(value)
    for it in manifests.of("ConfigMap"):
        for name, value in it.at("data").entries():
            yield from _literal(name, value)
    for pod in manifests.pods:
        for container in pod.containers():
            yield from _container(container)
            image = container.at("image")
            if manifests.digests and "@sha256:" not in image.text:
                found = codes.IMAGE_NOT_PINNED.at(image.span, "has no digest", image=image.text)
                yield found.help("write `IMAGE@sha256:...`")


def hidden(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The same findings; credentials that some of them mark can be read in none of them."""
    found = tuple(found)
    marked = {it.span for it in found if it.code is codes.SECRET_IN_PLAIN}
    masked: dict[Source, Source] = {}
    for span in sorted(marked, key=lambda it: it.sort_key):
        before = masked.get(span.source, span.source)
        stars = re.sub(r"\S", "*", span.text)
        masked[span.source] = Source(before.name, f"{before.text[: span.start]}{stars}{before.text[span.end :]}")
    return tuple(replace(it, labels=tuple(_on(masked, label) for label in it.labels)) for it in found)


def _on(sources: dict[Source, Source], label: Label) -> Label:
    span = label.span
    return replace(label, span=Span(sources.get(span.source, span.source), span.start, span.end))


def _container(container: Field) -> Iterator[Diagnostic]:
    for env in container.at("env").items():
        yield from _literal(env.at("name").text, env.at("value"))
    for word in (*container.at("command").items(), *container.at("args").items()):
        yield from _literal("", word)


def _literal(name: str, value: Field) -> Iterator[Diagnostic]:
    if value.text and (_SECRET_NAME.search(name) or _CREDENTIALS.search(value.text)):
        yield _told(value)


def _told(at: Field) -> Diagnostic:
    found = codes.SECRET_IN_PLAIN.at(at.span, "everybody who reads the file knows it")
    return found.help("name a Secret with `secretKeyRef`, and make it outside of the manifests")
