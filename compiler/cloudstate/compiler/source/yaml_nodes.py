"""YAML as a tree of values that know their position.

Not a loader for YAML at large: a spec is a tree of mappings, sequences and scalars. Aliases are followed; aliases
that contain themselves, foreign tags and several documents are problems. Problems are values, and what can be read
besides them is returned with them.
"""

from __future__ import annotations

import yaml
from yaml.constructor import SafeConstructor

from cloudstate.compiler.source.nodes import Entry, Mapping, Node, Problem, ProblemKind, Scalar, ScalarValue, Sequence
from cloudstate.compiler.source.span import Span
from cloudstate.compiler.source.text import Source

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: More nodes than this is no spec but aliases multiplying each other.
MAX_NODES = 100_000
MAX_DEPTH = 64
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value", f"{_TAG}merge", f"{_TAG}binary"}


def parse(source: Source) -> tuple[Node | None, tuple[Problem, ...]]:
    """The document of a YAML file, None where there is none, and all problems of the file."""
    documents = _documents(source)
    if isinstance(documents, Problem):
        return None, (documents,)
    reader = _Reader(source)
    node = reader.node(documents[0])
    for extra in documents[1:]:
        reader.problems.append(Problem(ProblemKind.SEVERAL_DOCUMENTS, "a second document", reader.span(extra)))
    return node, tuple(reader.problems)


def parse_all(source: Source) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """All documents of a YAML file in their order, and all its problems but that there are several."""
    documents = _documents(source)
    if isinstance(documents, Problem):
        return (), (documents,)
    reader = _Reader(source)
    return tuple(map(reader.node, documents)), tuple(reader.problems)


def _documents(source: Source) -> list[yaml.Node] | Problem:
    """The documents, at least one; a problem where there is none, or the text is not YAML."""
    try:
        documents = _compose(source.text)
    except yaml.MarkedYAMLError as error:
        return Problem(ProblemKind.SYNTAX, _reason(error, source), _error_span(source, error))
    except yaml.reader.ReaderError as error:
        at = Span(source, error.position, error.position + 1)
        return Problem(ProblemKind.SYNTAX, f"unprintable character U+{_codepoint(error):04X}", at)
    return documents or Problem(ProblemKind.EMPTY, "the file has no content", Span(source))


def _compose(text: str) -> list[yaml.Node]:
    loader = _LOADER(text)
    documents: list[yaml.Node] = []
    try:
        while loader.check_node():
            documents.append(loader.get_node())  # type: ignore[no-untyped-call, arg-type, unused-ignore]
    finally:
        loader.dispose()
    return documents


def _codepoint(error: yaml.reader.ReaderError) -> int:
    character: object = error.character
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


def _error_span(source: Source, error: yaml.MarkedYAMLError) -> Span:
    mark = error.problem_mark or error.context_mark
    start = min(mark.index, len(source.text)) if mark else 0
    return Span(source, start, min(start + 1, len(source.text)))


def _reason(error: yaml.MarkedYAMLError, source: Source) -> str:
    span = _error_span(source, error)
    if span.text == "\t":
        return "a tab where YAML wants spaces"
    return " ".join(str(part) for part in (error.problem, error.context) if part)


class _Reader:
    """Turns composed nodes into ours, collecting problems."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._constructor = SafeConstructor()
        self._open: set[int] = set()
        self._count = 0
        self.problems: list[Problem] = []

    def span(self, node: yaml.Node) -> Span:
        end = node.end_mark.index
        while end > node.start_mark.index and self._source.text[end - 1] in " \r\n":
            end -= 1
        return Span(self._source, node.start_mark.index, end)

    def node(self, node: yaml.Node) -> Node:
        span = self.span(node)
        self._count += 1
        reason = self._refusal(node)
        if reason is not None:
            if self._count <= MAX_NODES + 1:
                self._problem(ProblemKind.SYNTAX, reason, span)
            return Scalar(None, span)
        self._open.add(id(node))
        try:
            return self._convert(node, span)
        finally:
            self._open.discard(id(node))

    def _refusal(self, node: yaml.Node) -> str | None:
        """Why a node is not read: trees that never end, or end too late."""
        if id(node) in self._open:
            return "an alias stands inside of what it stands for"
        if len(self._open) >= MAX_DEPTH:
            return f"more than {MAX_DEPTH} levels"
        if self._count > MAX_NODES:
            return "aliases that multiply each other"
        return None

    def _convert(self, node: yaml.Node, span: Span) -> Node:
        match node:
            case yaml.MappingNode() if node.tag == f"{_TAG}map":
                return Mapping(self._entries(node), span)
            case yaml.SequenceNode() if node.tag == f"{_TAG}seq":
                return Sequence(tuple(self.node(item) for item in node.value), span)
            case yaml.ScalarNode() if node.tag.startswith(_TAG):
                return Scalar(self._scalar(node, span), span)
        self._problem(ProblemKind.SYNTAX, f"the tag `{node.tag}` has no meaning in a spec", span)
        return Scalar(None, span)

    def _entries(self, node: yaml.MappingNode) -> tuple[Entry, ...]:
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            span = self.span(key)
            if not isinstance(key, yaml.ScalarNode):
                self._problem(ProblemKind.SYNTAX, "a key must be a plain word", span)
            elif key.value in entries:
                first = entries[key.value].key_span
                self._problem(ProblemKind.DUPLICATE_KEY, key.value, span, first)
            else:
                entries[key.value] = Entry(key.value, span, self.node(value))
        return tuple(entries.values())

    def _scalar(self, node: yaml.ScalarNode, span: Span) -> ScalarValue:
        if node.tag in _TEXT_TAGS:
            return str(node.value)
        try:
            match node.tag.removeprefix(_TAG):
                case "null":
                    return None
                case "bool":
                    return bool(self._constructor.construct_yaml_bool(node))
                case "int":
                    return int(self._constructor.construct_yaml_int(node))
                case "float":
                    return float(self._constructor.construct_yaml_float(node))
        except (ValueError, KeyError):
            self._problem(ProblemKind.SYNTAX, f"`{node.value}` is not a value of its tag", span)
            return None
        self._problem(ProblemKind.SYNTAX, f"the tag `{node.tag}` has no meaning in a spec", span)
        return None

    def _problem(self, kind: ProblemKind, text: str, span: Span, related: Span | None = None) -> None:
        self.problems.append(Problem(kind, text, span, related))
