"""From files with the operator's documents to specs, as text; nothing is read or written here but what is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloudstate.compiler.diagnostics import Diagnostic, Sink, codes
from cloudstate.compiler.migration.documents import Documents, find_documents
from cloudstate.compiler.migration.service import ProtosOf, convert_service
from cloudstate.compiler.migration.store import store_of
from cloudstate.compiler.source import Source, Span


@dataclass(frozen=True, slots=True)
class Migrated:
    """Specs by the name of their service, and all findings; with an error among them, the specs are not complete."""

    specs: dict[str, str]
    findings: tuple[Diagnostic, ...]
    has_errors: bool


def migrate(
    sources: Sequence[Source],
    protos_of: ProtosOf = lambda _: (),
    broken: Iterable[Diagnostic] = (),
) -> Migrated:
    """A spec of every StatefulService in the files.

    Args:
        sources: the files.
        protos_of: the .proto files that a service has already, by its name.
        broken: findings about files that could not be read.
    """
    sink = Sink()
    sink.extend(broken)
    found = find_documents(sources, sink)
    specs = {name: convert_service(it, found, protos_of, sink) for name, it in sorted(found.services.items())}
    _leave_unused(found, sink)
    if not specs and not sink.has_errors:
        path = sources[0].name if sources else ""
        nothing = codes.NOTHING_TO_MIGRATE.at(Span(sources[0] if sources else Source(path)), path=path)
        sink.add(nothing.help("name files that have a StatefulService of `cloudstate.io/v1alpha1`"))
    return Migrated({name: text for name, text in specs.items() if text}, sink.sorted(), sink.has_errors)


def in_the_way(path: str) -> Diagnostic:
    """A file that stands where a spec is to be written."""
    found = codes.FOREIGN_FILE.at(Span(Source(path)), "there already, with another content", path=path)
    return found.help("move it away, or write elsewhere with `--out`")


def _leave_unused(found: Documents, sink: Sink) -> None:
    used = {it.value for document in found.services.values() if (it := store_of(document))}
    for name, store in found.stores.items():
        if name not in used:
            left = codes.DOCUMENT_LEFT.at(store.name.span, document=f"StatefulStore `{name}`")
            sink.add(left.note("no service in the files uses it"))
