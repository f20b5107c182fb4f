"""Where the parts of a .proto file stand, and the comments before them: protoc's source info, made easy."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from cloudstate.compiler.source import Source, Span


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one file, by the paths of its parts in the descriptor.

    Attributes:
        source: the file.
        spans: where each part stands.
        comments: the comment before a part.
    """

    source: Source
    spans: dict[tuple[int, ...], Span]
    comments: dict[tuple[int, ...], str]

    def span(self, *path: int) -> Span:
        """The place of a part. Where protoc gives none: of the first part inside it, else of the nearest around it."""
        exact = self.spans.get(path)
        if exact is not None:
            return exact
        inside = next((span for known, span in self.spans.items() if known[: len(path)] == path), None)
        if inside is not None:
            return inside
        around = (self.spans.get(path[:length]) for length in range(len(path) - 1, 0, -1))
        return next((span for span in around if span is not None), Span(self.source))


def places_of(file: FileDescriptorProto, source: Source) -> Places:
    """The places of one file."""
    spans: dict[tuple[int, ...], Span] = {}
    comments: dict[tuple[int, ...], str] = {}
    for location in file.source_code_info.location:
        path, numbers = tuple(location.path), list(location.span)
        end_line, end_column = (numbers[0], numbers[2]) if len(numbers) == 3 else (numbers[2], numbers[3])
        start = source.protoc_offset(numbers[0], numbers[1])
        spans.setdefault(path, Span(source, start, max(start, source.protoc_offset(end_line, end_column))))
        if location.leading_comments:
            comments[path] = _comment(location.leading_comments)
    return Places(source, spans, comments)


def _comment(text: str) -> str:
    return "\n".join(line.removeprefix(" ").rstrip() for line in text.splitlines()).strip("\n")
