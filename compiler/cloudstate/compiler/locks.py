"""Lock files on disk and in git: specs are held against them, and releases are added to them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from cloudstate.compiler import driver, lock
from cloudstate.compiler.diagnostics import Diagnostic, Severity, Sink, codes
from cloudstate.compiler.frontend.files import read_source
from cloudstate.compiler.inputs import Input, find_inputs, lock_file, shown
from cloudstate.compiler.lock.revision import NoRevision, export, text_at
from cloudstate.compiler.model import Service
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Source, Span

_SPECS = {".yaml", ".yml", ".proto"}


class NoVersion(Exception):
    """A version that is named is not recorded."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A spec without errors."""

    given: Input
    spec: Spec
    service: Service

    @property
    def file(self) -> Path:
        """Its lock file."""
        return lock_file(self.given)


@dataclass(frozen=True, slots=True)
class Gated:
    """What holding one spec against its lock file has led to; ``checked`` is None where there is nothing to hold it
    against, or nothing that could be read."""

    name: str
    findings: tuple[Diagnostic, ...]
    checked: lock.Checked | None = None

    @property
    def is_breaking(self) -> bool:
        """The spec must not be shipped as it is."""
        return self.checked is not None and self.checked.is_breaking

    @property
    def is_unreadable(self) -> bool:
        """The lock file is not as it was written, so that nothing can be said."""
        return any(found.severity is Severity.ERROR for found in self.findings) and self.checked is None


def subjects_of(paths: Sequence[str], name: str | None = None) -> tuple[tuple[Subject, ...], Sink]:
    """The specs at the paths that have no errors, and the findings about all of them."""
    sink = Sink()
    inputs, missing = find_inputs(paths, name)
    sink.extend(missing)
    subjects = []
    for given in inputs:
        spec, service = driver.compile_spec(given, sink)
        if spec is not None and service is not None:
            subjects.append(Subject(given, spec, service))
    return tuple(subjects), sink


def check(subject: Subject, day: date, against: str | None = None) -> Gated:
    """Hold a spec against its lock file, or against what ``against`` names: a file, a folder, or a git revision.

    Acceptances of the spec's own lock file count in any case: that is where a change that breaks is signed.

    Raises:
        NoRevision: ``against`` names nothing.
    """
    own, findings = _read(subject.file)
    recorded = own
    if against is not None:
        recorded, more = _recorded(subject, against)
        findings += more
    unreadable = Gated(subject.spec.name.value, findings)
    if unreadable.is_unreadable:
        return unreadable
    if recorded is None or not recorded.versions:
        found = codes.NOTHING_RECORDED.at(subject.spec.name.span, name=subject.spec.name.value)
        found = found.help("run `cloudstate release` when you ship it, and commit the lock file")
        return Gated(subject.spec.name.value, (*findings, found))
    if own is not None and own is not recorded:
        recorded = replace(recorded, accepted=(*recorded.accepted, *own.accepted))
    today = lock.Today.of(subject.service, subject.spec)
    checked = lock.check(recorded, today, day, shown(subject.file))
    return Gated(subject.spec.name.value, (*findings, *checked.findings), checked)


def trials(subject: Subject) -> tuple[lock.Trial, ...]:
    """The recorded samples that the upcasters of a spec have to read."""
    known, _ = _read(subject.file)
    return tuple(lock.trials(known, lock.Today.of(subject.service, subject.spec))) if known is not None else ()


def failures(subject: Subject, failed: Iterable[tuple[lock.Trial, str]]) -> tuple[Diagnostic, ...]:
    """Findings about upcasters that failed, given with what they raised."""
    return lock.failures(failed, lock.Today.of(subject.service, subject.spec))


def check_compiled(compiled: Iterable[driver.Compiled], day: date) -> tuple[Gated, ...]:
    """Hold those of the services against their lock files that have one."""
    subjects = [Subject(service.given, service.spec, service.service) for service in compiled]
    return tuple(check(subject, day) for subject in subjects if subject.file.exists())


def release(
    subject: Subject, name: str | None, signature: lock.Signature | None, day: date, forget: Sequence[str] = ()
) -> tuple[lock.Released | None, tuple[Diagnostic, ...]]:
    """Add what a spec stores to its lock file, in memory. None, and why, where the file cannot be read.

    Args:
        name: the name of the version.
        signature: what is accepted.
        day: the day on which acceptances have to hold.
        forget: names of versions that no journal has data of any more.

    Raises:
        NoVersion: one of them is not recorded.
    """
    known, findings = _read(subject.file)
    if findings:
        return None, findings
    known = known or lock.Lock()
    missing = set(forget) - {version.name for version in known.versions}
    if missing:
        raise NoVersion(f"there is no version `{min(missing)}` to forget in {shown(subject.file)}")
    known = replace(known, versions=tuple(version for version in known.versions if version.name not in forget))
    today = lock.Today.of(subject.service, subject.spec)
    released = lock.release(known, today, name, signature, day, shown(subject.file))
    return released, released.checked.findings


def write(subject: Subject, content: lock.Lock) -> bool:
    """Write a lock file, as a whole or not at all. False if it is that already.

    Raises:
        OSError: it cannot be written.
    """
    text = lock.render_lock(content).encode()
    if subject.file.is_file() and subject.file.read_bytes() == text:
        return False
    new = subject.file.with_name(f".{subject.file.name}.new-{os.getpid()}")
    try:
        new.write_bytes(text)
        new.replace(subject.file)
    finally:
        new.unlink(missing_ok=True)
    return True


def _read(path: Path) -> tuple[lock.Lock | None, tuple[Diagnostic, ...]]:
    """A lock file; None without findings where there is none."""
    if not path.exists():
        return None, ()
    source = read_source(path, shown(path))
    return lock.parse_lock(source) if isinstance(source, Source) else (None, (source,))


def _recorded(subject: Subject, against: str) -> tuple[lock.Lock | None, tuple[Diagnostic, ...]]:
    path = Path(against)
    if path.is_dir() or (path.is_file() and path.suffix in _SPECS):
        return _of_spec(against, against, subject.given.name)
    if path.is_file():
        return _read(Path(os.path.abspath(path)))
    content = text_at(subject.file, against)
    if content is not None:
        name = f"{against}:{shown(subject.file)}"
        try:
            return lock.parse_lock(Source(name, content.decode("utf-8-sig")))
        except UnicodeDecodeError:
            return None, (codes.NOT_UTF8.at(Span(Source(name)), path=name),)
    return _of_revision(subject, against)


def _of_revision(subject: Subject, revision: str) -> tuple[lock.Lock | None, tuple[Diagnostic, ...]]:
    """What the spec said at a revision that has no lock file."""
    folder = subject.given.folder()[0]
    with tempfile.TemporaryDirectory(prefix="cloudstate-") as place:
        if not export(folder, revision, Path(place)):
            return None, ()
        spec = Path(place) / subject.given.path.relative_to(folder)
        if not spec.is_file():
            return None, ()
        found, findings = _of_spec(str(spec), revision, subject.given.name)
        if findings:
            raise NoRevision(f"there is no lock file at `{revision}`, and the spec of then has errors")
        return found, ()


def _of_spec(path: str, version: str, name: str | None) -> tuple[lock.Lock | None, tuple[Diagnostic, ...]]:
    """A lock that remembers one spec as it is."""
    subjects, sink = subjects_of([path], name)
    if sink.has_errors or len(subjects) != 1:
        return None, sink.sorted()
    today = lock.Today.of(subjects[0].service, subjects[0].spec)
    return lock.Lock((lock.Version(version, today.stored),)), ()
