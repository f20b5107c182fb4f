"""One spec, from its files to a ``Spec`` with everything resolved that can be, and findings for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.frontend.author import modules_of
from cloudstate.compiler.frontend.declaration import EntityDeclaration
from cloudstate.compiler.frontend.deployment import deployment_of, store_of
from cloudstate.compiler.frontend.files import ProtoRoot, read_source
from cloudstate.compiler.frontend.merge import merge
from cloudstate.compiler.frontend.option_entities import annotated_entities
from cloudstate.compiler.frontend.places import places_of
from cloudstate.compiler.frontend.protos import compile_protos, own_files
from cloudstate.compiler.frontend.resolve import Resolver
from cloudstate.compiler.frontend.schema import schema_of
from cloudstate.compiler.frontend.shape import has_shape
from cloudstate.compiler.frontend.yaml_entities import entities_of
from cloudstate.compiler.frontend.yaml_path import data, lookup, value, values
from cloudstate.compiler.inputs import PROTO_FOLDER, Input, top_level_modules
from cloudstate.compiler.model.naming import service_name_of
from cloudstate.compiler.model.schema import Schema
from cloudstate.compiler.model.service import Placement
from cloudstate.compiler.model.spec import EntitySpec, Spec
from cloudstate.compiler.source import Located, Mapping, Node, Problem, ProblemKind, Source, Span
from cloudstate.compiler.source.yaml_nodes import parse

_DEFAULT_SHARDS = 256


@dataclass(frozen=True, slots=True)
class _Document:
    """What the YAML says: the valid part of its ``spec``, all of it, the name, and the listed protos.

    Without YAML: that the proto says it all.
    """

    body: Node
    written: Node
    name: Located[str]
    protos: tuple[Located[str], ...]
    findings: tuple[Diagnostic, ...] = ()


def read(given: Input) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """Read one spec, and find as much in its files at once as there is to find.

    Returns:
        The spec, None where there is too little to go on, and all findings.

    Raises:
        ProtocMissing: protoc is not installed.
    """
    source = read_source(given.path, given.shown)
    if not isinstance(source, Source):
        return None, (source,)
    folder, shown = given.folder()
    root = ProtoRoot(folder, shown)
    if (folder / PROTO_FOLDER).is_dir():
        root = ProtoRoot(folder / PROTO_FOLDER, f"{shown}/{PROTO_FOLDER}".lstrip("/"))
    document = _proto_document(given, source, root) if given.is_proto else _yaml_document(source)
    if not isinstance(document, _Document):
        return None, document
    spec, findings = _spec(document, root)
    modules = modules_of(folder, shown, spec.entities)
    spec = replace(spec, modules=modules, neighbours=top_level_modules(folder))
    return spec, (*document.findings, *findings)


def _proto_document(given: Input, source: Source, root: ProtoRoot) -> _Document:
    span = Span(source)
    path = given.path.relative_to(root.folder).as_posix()
    name = given.name or service_name_of(given.path.stem)
    nothing = Mapping((), span)
    return _Document(nothing, nothing, Located(name, span), (Located(path, span),))


def _yaml_document(source: Source) -> _Document | tuple[Diagnostic, ...]:
    node, problems = parse(source)
    findings = tuple(map(_problem, problems))
    if node is None:
        return findings
    if not isinstance(node, Mapping):
        wrong = codes.WRONG_TYPE.at(node.span, key="the spec", found="not a mapping", expected="a mapping")
        return (*findings, wrong.help("start with `apiVersion: cloudstate.io/v1`"))
    # What is broken YAML is not looked at twice: its missing parts would only be reported again.
    tree, shape = _valid(node)
    name = value(tree, "metadata", "name")
    body = lookup(tree, "spec") or Mapping((), node.span)
    if any(problem.kind is ProblemKind.SYNTAX for problem in problems):
        shape = ()
    written = lookup(node, "spec") or body
    return _Document(body, written, name or Located("", node.span), values(body, "protos"), (*findings, *shape))


def _valid(node: Mapping) -> tuple[Mapping, tuple[Diagnostic, ...]]:
    """What of the tree is as it should be, and all findings. Most trees are, and need no pydantic to say so."""
    if has_shape(data(node)):
        return node, ()
    from cloudstate.compiler.frontend.validation import validate

    return validate(node)


def _problem(problem: Problem) -> Diagnostic:
    match problem.kind:
        case ProblemKind.DUPLICATE_KEY:
            found = codes.DUPLICATE_KEY.at(problem.span, "again here", key=problem.text)
            return (found.also(problem.related, "first here") if problem.related else found).help("keep one of them")
        case ProblemKind.SEVERAL_DOCUMENTS:
            return codes.SEVERAL_DOCUMENTS.at(problem.span, "another one").help("give each spec a file of its own")
        case ProblemKind.EMPTY:
            return codes.EMPTY_SPEC.at(problem.span).help("start with `apiVersion: cloudstate.io/v1`")
    return codes.YAML_SYNTAX.at(problem.span, reason=problem.text).help("`cloudstate explain CS1001` has examples")


def _spec(document: _Document, root: ProtoRoot) -> tuple[Spec, tuple[Diagnostic, ...]]:
    checked = [(proto, root.check(proto)) for proto in document.protos]
    bad_protos = tuple(found for _, found in checked if found is not None)
    listed = tuple(proto for proto, found in checked if found is None)
    descriptors, complaints = compile_protos(root, [proto.value for proto in listed])
    declared = tuple(entities_of(document.body, document.written))
    entities, schema, unresolved = _bind(descriptors, declared, listed, root)
    is_complete = not (document.findings or bad_protos or complaints or unresolved)
    if bad_protos or complaints:
        # Names may be unknown only because their file is; what is said of such names would lead astray.
        unresolved = ()
        entities = () if not descriptors.file else entities
    placement = value(document.body, "placement")
    shards = value(document.body, "shards")
    spec = Spec(
        name=document.name,
        is_complete=is_complete,
        protos=listed,
        schema=schema,
        entities=entities,
        declared=frozenset(entity.service.value for entity in declared),
        placement=Located(Placement(placement.value), placement.span) if placement else None,
        store=store_of(document.body),
        deployment=deployment_of(document.body),
        shards=shards.value if shards else _DEFAULT_SHARDS,
        shards_span=shards.span if shards else None,
    )
    return spec, (*bad_protos, *complaints, *unresolved)


def _bind(
    descriptors: FileDescriptorSet,
    declared: Sequence[EntityDeclaration],
    listed: Sequence[Located[str]],
    root: ProtoRoot,
) -> tuple[tuple[EntitySpec, ...], Schema, tuple[Diagnostic, ...]]:
    """Join what YAML and options declare, and resolve its names."""
    own = set(own_files(root, descriptors))
    places = {file.name: places_of(file, root.source(file.name)) for file in descriptors.file if file.name in own}
    schema = schema_of(descriptors, places)
    resolver = Resolver(schema)
    own_options = {proto.value: places[proto.value] for proto in listed if proto.value in places}
    annotated = resolver.full_names(annotated_entities(descriptors, own_options))
    merged, conflicts = merge(resolver.full_names(declared), annotated)
    return resolver.entities(merged), schema, (*resolver.findings, *conflicts)
