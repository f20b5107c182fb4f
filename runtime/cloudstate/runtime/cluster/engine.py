"""The port to what a cluster runs on: a small table that all members see, and messages between them.

* The **table** holds records under keys. A record changes by compare-and-set on its revision. Whoever watches is told
  every record, and then every change, in the order of revisions; of changes in quick succession perhaps only the last.
  What a watcher has is never newer than the table, and may be older by any time.
* **Messages** arrive at most once, from one sender to one subject in the order in which they were sent. They may be
  lost; nobody is told.

Nothing here decides who may write an entity: that is the journal's fence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from cloudstate.runtime.errors import CloudStateError, StatusCode


class Entry(NamedTuple):
    """One record of the table.

    Attributes:
        value: empty: the record was deleted.
        revision: grows with every change of any record.
    """

    key: str
    value: bytes
    revision: int


class EngineUnavailable(CloudStateError):
    """The engine could not be reached now. A write may have been made all the same."""

    status = StatusCode.UNAVAILABLE
    retry_safe = False


class Overtaken(CloudStateError):
    """The record is at another revision: somebody else has changed it; nothing was written."""

    status = StatusCode.ABORTED
    retry_safe = False


class Engine(ABC):
    """See the module. Every method is called in the event loop's thread, and calls back there.

    Attributes:
        largest: the largest message in bytes.
    """

    largest: int

    @abstractmethod
    async def open(self) -> None:
        """Connect.

        Raises:
            EngineUnavailable: there is nothing to connect to, or it refuses.
        """

    @abstractmethod
    async def close(self) -> None:
        """Send what waits, then disconnect."""

    @abstractmethod
    async def put(self, key: str, value: bytes, revision: int | None = None) -> int:
        """Write a record; gives its new revision.

        Args:
            key: letters, digits, ``.``, ``-`` and ``_``.
            value: not empty.
            revision: where the record has to be; 0: absent or deleted; None: anywhere.

        Raises:
            Overtaken: it is elsewhere.
            EngineUnavailable: no answer came in time.
        """

    @abstractmethod
    async def delete(self, key: str, revision: int | None = None) -> None:
        """Delete a record. Arguments and errors as of ``put``."""

    @abstractmethod
    async def watch(self, changed: Callable[[Entry], None]) -> None:
        """Tell every record there is, then return, and go on telling every change, until ``close``.

        A record may be told again. After a disconnection everything is told again.

        Raises:
            EngineUnavailable: the table cannot be read now.
        """

    @abstractmethod
    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """From now on, tell every message that is sent to a subject.

        Raises:
            EngineUnavailable: it cannot be reached now.
        """

    @abstractmethod
    def send(self, subject: str, message: bytes) -> None:
        """Send a message to everyone who listens to a subject, this member included. It may be lost.

        The message is not larger than ``largest``. What cannot be sent now is dropped, or kept in a bounded buffer.
        """
