"""What can go wrong with a journal: every journal raises these and only these; others are mapped at its edge."""

from __future__ import annotations

from cloudstate.runtime.errors import CloudStateError, StatusCode


class JournalError(CloudStateError):
    """Root of the journal's errors."""


class WrongExpectedSequence(JournalError):
    """The entity moved on elsewhere: the writer's state is stale, nothing was written."""

    status = StatusCode.ABORTED
    retry_safe = True

    def __init__(self, *, entity_type: str, entity_id: str, expected: int, actual: int) -> None:
        super().__init__(
            f"`{entity_type}` entity `{entity_id}`: append expected sequence {expected}, the journal is at {actual}"
        )
        self.entity_type = entity_type
        self.entity_id = entity_id
        self.expected = expected
        self.actual = actual


class Fenced(JournalError):
    """Another owner has taken the shard over: this one must stop; nothing was written."""

    status = StatusCode.UNAVAILABLE
    retry_safe = True

    def __init__(self, *, shard: str, epoch: int, actual: int) -> None:
        super().__init__(f"shard `{shard}` has a newer owner: its epoch is {actual}, this one's is {epoch}; try again")
        self.shard = shard
        self.epoch = epoch
        self.actual = actual


class JournalUnavailable(JournalError):
    """The journal could not be read or written now.

    ``retry_safe`` is True only where it is certain that nothing was written.
    """

    status = StatusCode.UNAVAILABLE

    def __init__(self, reason: str, *, retry_safe: bool | None) -> None:
        super().__init__(reason)
        self.retry_safe = retry_safe


class AppendTooLarge(JournalError):
    """One append is larger than this journal takes; nothing was written."""

    status = StatusCode.RESOURCE_EXHAUSTED
    retry_safe = False

    def __init__(self, *, entity_type: str, entity_id: str, size: int, limit: int) -> None:
        super().__init__(f"`{entity_type}` entity `{entity_id}`: an append of {size} bytes, the limit is {limit}")
        self.size = size
        self.limit = limit


class JournalInvalid(JournalError):
    """The store is not a journal of ours, is of a newer format, or is damaged; says which and what to do."""

    status = StatusCode.DATA_LOSS
    retry_safe = False
