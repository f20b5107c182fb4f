"""A compile that leaves out what would come out as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.compiler import protoc
from cloudstate.compiler.diagnostics import Diagnostic, Sink
from cloudstate.compiler.incremental import shelf
from cloudstate.compiler.incremental.evidence import (
    Surroundings,
    digests,
    is_as_it_was,
    read_files,
    readable_files,
    surroundings,
)
from cloudstate.compiler.incremental.identity import identity
from cloudstate.compiler.incremental.record import Record
from cloudstate.compiler.inputs import Input, find_inputs, output_folder
from cloudstate.compiler.output.write import has_leftover

if TYPE_CHECKING:
    from cloudstate.compiler.driver import Compiled


@dataclass(frozen=True, slots=True)
class _Before:
    """What was seen before a spec was read: its surroundings, and hashes of the files that may be read."""

    surroundings: Surroundings
    files: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has led to.

    Attributes:
        services: those without errors, in the order of their specs: compiled, or as they were.
        diagnostics: all findings in order.
        has_errors: then nothing may be written.
        before: what was seen of each spec before it was compiled.
    """

    services: tuple[Compiled | Record, ...]
    diagnostics: tuple[Diagnostic, ...]
    has_errors: bool
    before: Mapping[Input, _Before] = field(default_factory=dict)

    @property
    def compiled(self) -> tuple[Compiled, ...]:
        """The services that were compiled."""
        return tuple(service for service in self.services if not isinstance(service, Record))


def compile_changed(
    paths: Sequence[str], out: Path | None = None, name: str | None = None, kubernetes: str | None = None
) -> Result:
    """Compile the specs at the paths, except for those that would come out as they are; nothing is written.

    The arguments, and what is raised, are those of ``driver.compile_specs``.
    """
    inputs, missing = find_inputs(paths, name, kubernetes)
    known = {given: record for given in inputs if (record := _still_true(given, out)) is not None}
    changed = [given for given in inputs if given not in known]
    taken = {os.path.abspath(record.folder) for record in known.values()}
    if missing or len(taken) < len(known):
        return compile_all(paths, out, name, kubernetes)
    sink = Sink()
    compiled: dict[Input, Compiled] = {}
    before = {given: _Before(surroundings(given), readable_files(given)) for given in changed}
    if changed:
        protoc.prepare()  # it gets ready while the rest of the compiler is imported
        from cloudstate.compiler import driver

        services, folders = driver.compile_inputs(changed, out, sink)
        if not taken.isdisjoint(map(os.path.abspath, folders)):
            return compile_all(paths, out, name, kubernetes)
        compiled = {service.given: service for service in services}
    for record in known.values():
        sink.extend(record.findings)
    both = [known.get(given) or compiled.get(given) for given in inputs]
    return Result(tuple(filter(None, both)), sink.sorted(), sink.has_errors, before)


def compile_all(
    paths: Sequence[str], out: Path | None = None, name: str | None = None, kubernetes: str | None = None
) -> Result:
    """Compile the specs at the paths, whatever is known of them."""
    from cloudstate.compiler import driver

    outcome = driver.compile_specs(paths, out, name, kubernetes)
    return Result(outcome.compiled, outcome.diagnostics, outcome.has_errors)


def keep_records(result: Result) -> None:
    """Keep a record of every service that was compiled. To be called when all of them are written.

    There is none of a service whose files were changed meanwhile, and none where none can be written.
    """
    for compiled in result.compiled:
        before = result.before.get(compiled.given)
        if before is not None and (read := _read(compiled, before)) is not None:
            with suppress(OSError):
                root = output_folder(compiled.given).parent
                shelf.put(compiled.given, root, _record(compiled, before.surroundings, read))


def _read(compiled: Compiled, before: _Before) -> Mapping[str, str | None] | None:
    """Hashes of what the compile has read; None if it was changed meanwhile, and may have been read before."""
    expected = read_files(compiled)
    read = digests(compiled.given.folder()[0], expected)
    is_sure = surroundings(compiled.given) == before.surroundings and all(
        (read[path] is not None) == is_there and read[path] == before.files.get(path)
        for path, is_there in expected.items()
    )
    return read if is_sure else None


def _record(compiled: Compiled, seen: Surroundings, read: Mapping[str, str | None]) -> Record:
    return Record(
        compiler=identity(),
        given=(compiled.given.shown, compiled.given.name, compiled.given.kubernetes),
        name=compiled.service.name,
        folder=os.path.abspath(compiled.folder),
        surroundings=seen,
        read=read,
        written={path: hashlib.sha256(content).hexdigest() for path, content in compiled.files.items()},
        findings=compiled.findings,
    )


def _still_true(given: Input, out: Path | None) -> Record | None:
    """The record of a spec, if the spec would be compiled to what is there, by this compiler; with its folder as it is
    named now."""
    generated = output_folder(given)
    record = shelf.find(given, generated.parent)
    if record is None:
        return None
    folder = str((out or generated) / record.name)
    is_true = (
        record.compiler == identity()
        and record.given == (given.shown, given.name, given.kubernetes)
        and record.folder == os.path.abspath(folder)
        and record.surroundings == surroundings(given)
        and is_as_it_was(given.folder()[0], record.read)
        and is_as_it_was(folder, record.written)
        and not has_leftover(Path(folder))
    )
    return replace(record, folder=folder) if is_true else None
