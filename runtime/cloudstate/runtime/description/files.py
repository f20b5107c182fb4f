"""Puts the files of a descriptor set into an order in which they can be linked.

Sets come in any order: some languages send dependants first, and short file names are usual (interop.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from cloudstate.runtime.errors import ServiceInvalid

_COMPLETE = "make a complete set, e.g. with `protoc --include_imports --descriptor_set_out=...`"


def in_order(files: Iterable[FileDescriptorProto]) -> tuple[FileDescriptorProto, ...]:
    """The same files, each after everything that it imports; apart from that the given order is kept.

    Raises:
        ServiceInvalid: an import is missing from the set, imports form a circle, or one name has two contents.
    """
    by_name = _by_name(files)
    ordered: dict[str, FileDescriptorProto] = {}
    for name in by_name:
        _add(name, by_name, ordered)
    return tuple(ordered.values())


def _by_name(files: Iterable[FileDescriptorProto]) -> dict[str, FileDescriptorProto]:
    by_name: dict[str, FileDescriptorProto] = {}
    for file in files:
        known = by_name.setdefault(file.name, file)
        if known is not file and known != file:
            raise ServiceInvalid(
                f"the descriptor set holds `{file.name}` twice, with different contents",
                help="give the two files different names, or send one of them",
            )
    return by_name


def _add(start: str, by_name: Mapping[str, FileDescriptorProto], ordered: dict[str, FileDescriptorProto]) -> None:
    """Adds ``start`` and what it needs. An explicit stack: a long chain of imports must not exhaust Python's."""
    path = [start]
    pending = [iter(by_name[start].dependency)]
    while path:
        needed = next((name for name in pending[-1] if name not in ordered), None)
        if needed is None:
            pending.pop()
            name = path.pop()
            ordered.setdefault(name, by_name[name])
        elif needed in path:
            raise ServiceInvalid(
                f"imports form a circle: {_chain([*path[path.index(needed) :], needed])}",
                help="move what these files share into a file of its own",
            )
        elif needed not in by_name:
            raise ServiceInvalid(f"the descriptor set misses an import: {_chain([*path, needed])}", help=_COMPLETE)
        else:
            path.append(needed)
            pending.append(iter(by_name[needed].dependency))


def _chain(names: list[str]) -> str:
    return " -> ".join(f"`{name}`" for name in names)
