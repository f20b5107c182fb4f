"""The SQLite journal: its parts, and their order from opening to closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import Fenced, JournalUnavailable
from cloudstate.runtime.journal.port import (
    Appended,
    AppendEvents,
    EntityKey,
    Fence,
    History,
    Journal,
    Logged,
    Page,
    Value,
    WriteValue,
)
from cloudstate.runtime.journal.sqlite.disk import Disk, open_disk
from cloudstate.runtime.journal.sqlite.faults import mapped
from cloudstate.runtime.journal.sqlite.group_commit import GroupCommit
from cloudstate.runtime.journal.sqlite.heads import Heads
from cloudstate.runtime.journal.sqlite.history import Reader
from cloudstate.runtime.journal.sqlite.index import Index
from cloudstate.runtime.journal.sqlite.lock import FileLock
from cloudstate.runtime.journal.sqlite.log import Log
from cloudstate.runtime.journal.sqlite.recovery import recover
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings
from cloudstate.runtime.journal.sqlite.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class _Files:
    """What is open."""

    log: Log
    index: Index
    reader: Reader
    heads: Heads

    def close(self) -> None:
        self.reader.close()
        self.index.close()
        self.log.close()


@dataclass(frozen=True, slots=True)
class _Running:
    """A journal that is open."""

    files: _Files
    disk: Disk
    upkeep: Upkeep
    commits: GroupCommit


class SqliteJournal(Journal):
    """Entities in one SQLite file, in WAL mode and synced after every commit: what is acknowledged is on the disk.

    Args:
        path: the file; made by ``open`` where there is none, with its directory.
        clock: gives the time that is kept with every record.
        settings: the journal's bounds.
    """

    def __init__(self, path: Path, clock: Clock, settings: SqliteSettings | None = None) -> None:
        self._path = path
        self._clock = clock
        self._settings = settings or SqliteSettings()
        self._lock = FileLock(path.with_name(path.name + "-lock"), path)
        self._running: _Running | None = None

    @property
    def shared(self) -> bool:
        """See ``Journal.shared``."""
        return False

    async def open(self) -> None:
        """See ``Journal.open``."""
        self._make_directory()
        self._lock.acquire()
        try:
            with mapped(self._path):
                files = await asyncio.to_thread(self._open_files)
                try:
                    self._running = self._start(files)
                except BaseException:
                    files.close()
                    raise
        except BaseException:
            self._lock.release()
            raise

    async def close(self) -> None:
        """See ``Journal.close``."""
        running, self._running = self._running, None
        if running is not None:
            await running.commits.close()
            await running.upkeep.close()
            running.disk.close()
            running.files.close()
            self._lock.release()

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        files = self._readable(fence)
        with mapped(self._path):
            return await files.reader.history(entity, files.heads.get((entity.type, entity.id)), window, schema)

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        files = self._readable(fence)
        with mapped(self._path):
            return files.reader.value(entity, files.heads.get((entity.type, entity.id)), window)

    async def take_over(self, shard: str) -> Fence:
        """See ``Journal.take_over``."""
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._opened().commits.take_over(shard, future.set_result)
        result = await asyncio.shield(future)
        if isinstance(result, int):
            return Fence(shard, result)
        raise result

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``: one."""
        self._readable()
        return [""]

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        files = self._readable()
        with mapped(self._path):
            return Page([], after) if partition else files.reader.page(after, limit, types, files.log.end.event)

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``."""
        files = self._readable()
        with mapped(self._path):
            return await files.reader.events(files.heads.get((entity.type, entity.id)), after, limit)

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``."""
        files = self._readable()
        found = {id for kind, id in files.heads.unindexed() if kind == type and (after is None or id > after)}
        if type in files.log.names:
            found.update(files.index.ids(files.log.names[type], after, limit))
        return [EntityKey(type, id) for id in sorted(found)[:limit]]

    async def types(self) -> list[str]:
        """See ``Journal.types``."""
        files = self._readable()
        found = {kind for kind, _ in files.heads.unindexed()}
        found.update(files.log.texts[number] for number in files.index.types())
        return sorted(found)

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        running = self._running
        if running is None:
            done(self._closed())
        else:
            running.commits.submit(append, done)

    @property
    def commits(self) -> int:
        """How many transactions this journal has committed since it was opened."""
        return self._opened().commits.commits

    def _make_directory(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"the directory of the journal `{self._path}` cannot be made ({error.strerror})"
            raise JournalUnavailable(reason, retry_safe=True) from error

    def _open_files(self) -> _Files:
        log = Log(self._path, self._clock, self._settings)
        try:
            index = Index(self._path.with_name(self._path.name + "-index"), log.identity)
        except BaseException:
            log.close()
            raise
        try:
            reader = Reader(self._path, index, log.texts, log.names)
            recover(reader.connection, log.end, index, self._path)
        except BaseException:
            index.close()
            log.close()
            raise
        return _Files(log, index, reader, Heads(reader.find))

    def _start(self, files: _Files) -> _Running:
        upkeep = Upkeep(self._path, files.log, files.heads, files.index, self._clock, self._settings)

        def committed(size: int) -> None:
            upkeep.committed(commits, size)

        disk = self._open_disk()
        commits = GroupCommit(files.log, disk, files.heads, self._path, self._clock, self._settings, committed)
        return _Running(files, disk, upkeep, commits)

    def _open_disk(self) -> Disk:
        wal = self._path.with_name(self._path.name + "-wal")
        try:
            return open_disk(wal, self._settings.sync)
        except OSError as error:
            raise JournalUnavailable(f"`{wal}` cannot be synced ({error})", retry_safe=True) from error

    def _readable(self, fence: Fence | None = None) -> _Files:
        running = self._opened()
        running.commits.check()
        if fence is not None:
            actual = running.files.log.epochs.get(fence.shard, 0)
            if actual > fence.epoch:
                raise Fenced(shard=fence.shard, epoch=fence.epoch, actual=actual)
        return running.files

    def _opened(self) -> _Running:
        if self._running is None:
            raise self._closed()
        return self._running

    def _closed(self) -> JournalUnavailable:
        return JournalUnavailable(f"the journal `{self._path}` is closed", retry_safe=True)
