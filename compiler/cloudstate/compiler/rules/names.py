"""Names and labels that an API server takes (K8S101, K8S102), each object once (K8S103)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests, kind_of, name_of

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
#: Names of Services become host names, which begin with a letter.
_HOST = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"({_SUBDOMAIN.pattern}/)?{_WORD}")
_VALUE = re.compile(rf"({_WORD})?")
_LABELS = frozenset({"Namespace"})
_HOSTS = frozenset({"Service", "serving.knative.dev/Service"})
#: These take any name that fits into a path.
_FREE = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
#: With ``-`` and a revision hash of ten characters it must still be the value of a label.
_STATEFUL_SET = 52


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with names."""
    seen: dict[tuple[str, str, str], Field] = {}
    for it in manifests.objects:
        yield from _name(it)
        yield from _labels(it.at("metadata", "labels"))
        key = (kind_of(it), it.at("metadata", "namespace").text, name_of(it))
        if key in seen:
            found = codes.DUPLICATE_OBJECT.at(it.at("metadata", "name").span, "again here", kind=key[0], name=key[2])
            yield found.also(seen[key].at("metadata", "name").span, "first here").help("rename or remove one of them")
        seen.setdefault(key, it)
    for pod in manifests.pods:
        yield from _labels(pod.owner.at("spec", "template", "metadata", "labels"))
        for it in (*pod.containers(), *pod.spec.at("volumes").items()):
            yield from _fits(it.at("name"), _LABEL, "a container or volume")


def _name(manifest: Field) -> Iterator[Diagnostic]:
    kind, name = kind_of(manifest), manifest.at("metadata", "name")
    if manifest.at("kind").text in _FREE or manifest.at("metadata", "generateName"):
        return
    pattern = _LABEL if kind in _LABELS else _HOST if kind in _HOSTS else _SUBDOMAIN
    yield from _fits(name, pattern, f"a {manifest.at('kind').text}")
    if kind == "apps/StatefulSet" and len(name.text) > _STATEFUL_SET:
        found = codes.WORKLOAD_NAME_TOO_LONG.at(name.span, f"{len(name.text)} characters", name=name.text)
        yield found.help(f"choose a name of at most {_STATEFUL_SET} characters")


def _fits(name: Field, pattern: re.Pattern[str], what: str) -> Iterator[Diagnostic]:
    if not pattern.fullmatch(name.text) or len(name.text) > 253:
        found = codes.BAD_OBJECT_NAME.at(name.span, "not a DNS name", name=name.value, what=f"the name of {what}")
        yield found.help("use lower-case letters, digits and `-`")


def _labels(labels: Field) -> Iterator[Diagnostic]:
    for key, value in labels.entries():
        if not _KEY.fullmatch(key):
            found = codes.BAD_OBJECT_NAME.at(value.span, "not a key of labels", name=key, what="the key of a label")
            yield found.help("write `name` or `prefix.example/name`")
        if not isinstance(value.value, str) or not _VALUE.fullmatch(value.text):
            found = codes.BAD_OBJECT_NAME.at(value.span, "refused", name=value.value, what="the value of a label")
            yield found.help("write at most 63 letters, digits, `-`, `_` and `.`, with quotes where YAML sees a number")
