"""The compiler on one page: read, bind, check, emit, write. Every phase before the last is free of side effects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from cloudstate.compiler import checks
from cloudstate.compiler.backends import description, kubernetes, python
from cloudstate.compiler.backends.python.entities import class_names
from cloudstate.compiler.backends.python.spelling import spell
from cloudstate.compiler.diagnostics import Diagnostic, Sink, codes
from cloudstate.compiler.frontend import lower, read
from cloudstate.compiler.inputs import Input, find_inputs, output_folder, shown
from cloudstate.compiler.model import Service
from cloudstate.compiler.model.spec import Handlers, Spec
from cloudstate.compiler.output import Difference, FileSet, compare, with_list, write
from cloudstate.compiler.source import Located, Source, Span


@dataclass(frozen=True, slots=True)
class Compiled:
    """A service that has no errors: its spec, its model, its files, where they belong, what is different there, and
    what was found about it."""

    given: Input
    spec: Spec
    service: Service
    files: FileSet
    folder: Path
    difference: Difference
    findings: tuple[Diagnostic, ...] = ()


_MANY, _WRITERS = 8, 4
_ELSEWHERE = "see to it that the folder can be written, or choose another one with `--out`"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has led to: the services without errors, and all findings in order."""

    compiled: tuple[Compiled, ...]
    diagnostics: tuple[Diagnostic, ...]
    has_errors: bool


def compile_specs(
    paths: Sequence[str], out: Path | None = None, name: str | None = None, kubernetes: str | None = None
) -> Outcome:
    """Compile all specs at the paths; nothing is written.

    Args:
        paths: spec files, folders of specs, or folders of such folders.
        out: the folder that gets a folder per service; by default ``generated/`` of the spec's project.
        name: the service's name where a spec is a .proto file.
        kubernetes: the oldest Kubernetes that the manifests are for; by default what each spec says.

    Raises:
        ProtocMissing: the Python environment has no protoc.
    """
    sink = Sink()
    inputs, missing = find_inputs(paths, name, kubernetes)
    sink.extend(missing)
    compiled, _ = compile_inputs(inputs, out, sink)
    return Outcome(compiled, sink.sorted(), sink.has_errors)


def compile_inputs(
    inputs: Iterable[Input], out: Path | None, sink: Sink
) -> tuple[tuple[Compiled, ...], AbstractSet[Path]]:
    """Compile some specs.

    Returns:
        The services without errors, and the folders where those with errors would be written to, too.

    Raises:
        ProtocMissing: the Python environment has no protoc.
    """
    compiled: list[Compiled] = []
    folders: dict[Path, Located[str]] = {}
    for given in inputs:
        own = Sink()
        spec, service = compile_spec(given, own)
        sink.extend(own.sorted())
        if spec is None or not spec.name.value:
            continue
        folder = (out or output_folder(given)) / spec.name.value
        if folder in folders:
            found = codes.DUPLICATE_NAME.at(spec.name.span, "again here", name=spec.name.value)
            sink.add(found.also(folders[folder].span, "first here").help("rename one of them"))
        folders.setdefault(folder, spec.name)
        if service is not None:
            compiled += _place(given, spec, service, folder, sink, own.sorted())
    return tuple(compiled), folders.keys()


def compile_spec(given: Input, sink: Sink) -> tuple[Spec | None, Service | None]:
    """One spec up to its service model: None where it has errors."""
    own = Sink()
    spec, found = read(given)
    own.extend(found)
    service = None
    if spec is not None:
        own.extend(checks.check(spec))
        if not own.has_errors:
            service = _for_kubernetes(lower(spec), given.kubernetes)
            own.extend(checks.check_handlers(spec, handlers_of(service)))
    sink.extend(own.sorted())
    return spec, service


def _for_kubernetes(service: Service, version: str | None) -> Service:
    """The service for another Kubernetes than its spec says; as it is if the version is None."""
    if version is None:
        return service
    return replace(service, deployment=replace(service.deployment, kubernetes=version))


def handlers_of(service: Service) -> tuple[Handlers, ...]:
    """What the Python backend calls the handlers of each entity."""
    return tuple(
        Handlers(
            entity=spelled.entity.service,
            base=next(iter(class_names([spelled])), ""),
            commands=tuple((command.command.name, command.method) for command in spelled.commands),
            events=tuple((event.type.full_name, event.method) for event in spelled.events),
            upcasters=tuple((upcaster.source, upcaster.method) for upcaster in spelled.upcasters),
        )
        for spelled in spell(service.entities)
    )


def emit(service: Service) -> FileSet:
    """All files of a service, with the list of them."""
    return with_list(description.emit(service).merge(python.emit(service), kubernetes.emit(service)))


def write_all(compiled: Sequence[Compiled]) -> tuple[Diagnostic, ...]:
    """Write what is different. To be called only if no spec of the run has errors."""
    if len(compiled) < _MANY:
        return tuple(found for service in compiled for found in _write(service))
    # Making files is waiting for the file system, most of the time.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_WRITERS) as pool:
        return tuple(found for findings in pool.map(_write, compiled) for found in findings)


def _write(service: Compiled) -> tuple[Diagnostic, ...]:
    try:
        write(service.files, service.folder)
    except OSError as error:
        path = shown(service.folder)
        reason = error.strerror or type(error).__name__
        return (codes.CANNOT_WRITE.at(Span(Source(path)), path=path, reason=reason).help(_ELSEWHERE),)
    return ()


def stale(compiled: Sequence[Compiled]) -> tuple[Diagnostic, ...]:
    """A finding for every file that is not what its spec says."""
    findings = []
    for service in compiled:
        labels = dict.fromkeys(service.difference.missing, "missing")
        labels |= dict.fromkeys(service.difference.changed, "different")
        labels |= dict.fromkeys(service.difference.stale, "no longer generated")
        for path, label in sorted(labels.items()):
            file = shown(service.folder / path)
            found = codes.STALE_OUTPUT.at(Span(Source(file)), label, path=file)
            findings.append(found.help("run `cloudstate compile` and commit the result"))
    return tuple(findings)


def _place(
    given: Input, spec: Spec, service: Service, folder: Path, sink: Sink, findings: tuple[Diagnostic, ...]
) -> list[Compiled]:
    files = emit(service)
    try:
        difference = compare(files, folder)
    except OSError as error:
        path = shown(folder)
        found = codes.CANNOT_WRITE.at(Span(Source(path)), path=path, reason=error.strerror or type(error).__name__)
        sink.add(found.help(_ELSEWHERE))
        return []
    for foreign in difference.foreign:
        file = shown(folder / foreign)
        found = codes.FOREIGN_FILE.at(Span(Source(file)), "the compiler did not write this", path=file)
        sink.add(found.help("move it away, or write elsewhere with `--out`"))
    return [Compiled(given, spec, service, files, folder, difference, findings)]
