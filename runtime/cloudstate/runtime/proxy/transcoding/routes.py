"""Finds the route of a request: a tree of path segments, walked once per request.

Where several routes match, the one that was added last wins, whichever is more specific ("last goes first", protocol.md
section 2.4). ``*`` takes any one segment, also an empty one, that holds no ``:``; a colon in a value has to arrive as
``%3A``. ``**`` takes the rest of the path, of one segment at least.
"""

from __future__ import annotations

import re
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from cloudstate.runtime.proxy.transcoding.template import ONE, REST, Template, Variable

T = TypeVar("T")

#: As the method of a route: any method.
ANY_METHOD = "*"

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class PathMalformed(ValueError):
    """The path of a request cannot be decoded."""


class Path(NamedTuple):
    """The percent-decoded segments that a route matched, without the verb."""

    segments: tuple[str, ...]

    def value(self, variable: Variable) -> str:
        """What the variable takes of the path."""
        return "/".join(self.segments[variable.start : variable.end])


class Found(NamedTuple, Generic[T]):
    """The route that takes the request."""

    target: T
    path: Path


class OtherMethods(NamedTuple):
    """Routes take this path, but not with this method. Empty: no route takes the path."""

    methods: frozenset[str]


class _End(NamedTuple, Generic[T]):
    order: int
    target: T


#: By verb, then by HTTP method.
_Ends = dict[str, dict[str, _End[T]]]


class _Node(Generic[T]):
    __slots__ = ("ends", "literals", "rest", "star")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.star: _Node[T] | None = None
        self.ends: _Ends[T] = {}
        self.rest: _Ends[T] = {}


class _Candidate(NamedTuple, Generic[T]):
    methods: dict[str, _End[T]]
    path: Path


class Routes(Generic[T]):
    """Routes by HTTP method and path template."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._added = 0

    def add(self, method: str, template: Template, target: T) -> None:
        """Add a route; it wins over every route that was added before and matches the same request."""
        self._added += 1
        node = self._root
        segments = template.segments
        ends_with_rest = segments[-1] == REST
        for segment in segments[:-1] if ends_with_rest else segments:
            if segment == ONE:
                node.star = node.star or _Node()
                node = node.star
            else:
                node = node.literals.setdefault(segment, _Node())
        ends = node.rest if ends_with_rest else node.ends
        ends.setdefault(template.verb, {})[method] = _End(self._added, target)

    def find(self, method: str, path: str) -> Found[T] | OtherMethods:
        """The route for a request; ``path`` is as it arrived, still percent-encoded.

        Raises:
            PathMalformed: the path holds a broken percent-encoding.
        """
        candidates = self._candidates(path)
        best: tuple[_End[T], Path] | None = None
        for methods, matched in candidates:
            for end in (methods.get(method), methods.get(ANY_METHOD)):
                if end is not None and (best is None or end.order > best[0].order):
                    best = end, matched
        if best is None:
            return OtherMethods(frozenset(name for methods, _ in candidates for name in methods))
        return Found(best[0].target, best[1])

    def _candidates(self, path: str) -> list[_Candidate[T]]:
        if not path.startswith("/"):
            return []
        raw = path[1:].split("/")
        found: list[_Candidate[T]] = []
        self._walk(raw, "", found)
        stem, colon, verb = raw[-1].rpartition(":")
        if colon:
            self._walk([*raw[:-1], stem], _decoded(verb), found)
        return found

    def _walk(self, raw: list[str], verb: str, found: list[_Candidate[T]]) -> None:
        """Collect every end that takes these segments. Each node of the tree is visited at most once."""
        path = Path(tuple(_decoded(segment) for segment in raw))
        level: list[_Node[T]] = [self._root]
        for segment, plain in zip(raw, path.segments, strict=True):
            below: list[_Node[T]] = []
            for node in level:
                if node.rest and verb in node.rest:
                    found.append(_Candidate(node.rest[verb], path))
                literal = node.literals.get(plain)
                if literal is not None:
                    below.append(literal)
                if node.star is not None and ":" not in segment:
                    below.append(node.star)
            if not below:
                return
            level = below
        found.extend(_Candidate(node.ends[verb], path) for node in level if verb in node.ends)


def _decoded(segment: str) -> str:
    if "%" not in segment:
        return segment
    broken = _BROKEN_ESCAPE.search(segment)
    if broken is not None:
        raise PathMalformed(f"`{segment[broken.start() : broken.start() + 3]}` in the path is no percent-encoding")
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise PathMalformed(f"the path segment `{segment}` is not percent-encoded UTF-8") from None
