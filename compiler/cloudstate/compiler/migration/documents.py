"""The operator's documents in YAML files: StatefulServices, StatefulStores, and the settings beside a service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cloudstate.compiler.diagnostics import Diagnostic, Sink, codes
from cloudstate.compiler.migration.fields import Fields, flat, plain
from cloudstate.compiler.migration.passwords import without_passwords
from cloudstate.compiler.source import Located, Mapping, Node, Problem, ProblemKind, Source
from cloudstate.compiler.source.yaml_nodes import parse_all

API_VERSION = "cloudstate.io/v1alpha1"
#: Before the name of a service: the ConfigMap with its settings, of the operator's second generation.
SETTINGS = "ss-cfg-"
_OURS = "cloudstate.io/v1"
_KINDS = ("StatefulService", "StatefulStore")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its name, all of it, and its ``spec``, which may be empty."""

    name: Located[str]
    body: Mapping
    spec: Mapping


@dataclass(slots=True)
class Documents:
    """All that was found, by kind and name."""

    services: dict[str, Document] = field(default_factory=dict)
    stores: dict[str, Document] = field(default_factory=dict)
    settings: dict[str, Document] = field(default_factory=dict)


def find_documents(sources: Iterable[Source], sink: Sink) -> Documents:
    """What the files hold. What is broken, twice there, or not the operator's, is a finding."""
    found = Documents()
    for source in sources:
        nodes, problems = parse_all(without_passwords(source, sink))
        sink.extend(map(problem_of, problems))
        for node in flat(nodes):
            _take(node, found, sink)
    return found


def _take(node: Node, found: Documents, sink: Sink) -> None:
    if not isinstance(node, Mapping):
        wrong = codes.WRONG_TYPE.at(node.span, key="a document", found="not a mapping", expected="a mapping")
        sink.add(wrong.help("name files with documents of Kubernetes"))
        return
    kind, version = plain(node, "kind"), plain(node, "apiVersion")
    fields = Fields(sink)
    name = fields.text(fields.mapping(node, "metadata"), "name")
    is_settings = kind == "ConfigMap" and name is not None and name.value.startswith(SETTINGS)
    if not is_settings and (version != API_VERSION or kind not in _KINDS):
        sink.add(_left(node, kind, version, name))
    elif name is None:
        fields.missing(node, "metadata.name", f"a {kind}")
    else:
        document = Document(name, node, fields.mapping(node, "spec") or Mapping((), node.span))
        kinds = {"StatefulService": found.services, "StatefulStore": found.stores, "ConfigMap": found.settings}
        _keep(document, kind, kinds[kind], sink)


def _keep(document: Document, kind: str, known: dict[str, Document], sink: Sink) -> None:
    name = document.name
    first = known.setdefault(name.value, document)
    if first is not document:
        twice = codes.DUPLICATE_DOCUMENT.at(name.span, "again here", kind=kind, name=name.value)
        sink.add(twice.also(first.name.span, "first here").help("migrate each namespace by itself, or leave one out"))


def _left(node: Mapping, kind: str, version: str, name: Located[str] | None) -> Diagnostic:
    head = node.entries[0].key_span if node.entries else node.span
    shown = f"{kind or 'document'} `{name.value}`" if name else kind or "document"
    found = codes.DOCUMENT_LEFT.at(name.span if name else head, document=shown)
    if kind in _KINDS and version == _OURS:
        return found.note("it is a spec already")
    if kind in _KINDS:
        return found.note(f"its apiVersion is not `{API_VERSION}`")
    return found.note("only StatefulServices, StatefulStores and the settings of a service are read")


def problem_of(problem: Problem) -> Diagnostic:
    """A file that is broken, as a finding."""
    match problem.kind:
        case ProblemKind.DUPLICATE_KEY:
            found = codes.DUPLICATE_KEY.at(problem.span, "again here", key=problem.text)
            return (found.also(problem.related, "first here") if problem.related else found).help("keep one of them")
        case ProblemKind.EMPTY:
            found = codes.NOTHING_TO_MIGRATE.at(problem.span, path=problem.span.source.name)
            return found.help("name a file that has a StatefulService")
    return codes.YAML_SYNTAX.at(problem.span, reason=problem.text).help("`cloudstate explain CS1001` has examples")
