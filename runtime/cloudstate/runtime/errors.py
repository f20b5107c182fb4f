"""The runtime's errors: one root, fields instead of sentences, and the gRPC status that a caller sees.

    CloudStateError
      CommandRejected            the entity said no; its text and status are meant for the caller
      ProtocolViolation          a peer or a function broke the order of the protocol
      EntityFailed               entity code raised; the caller sees a general text, the log has the cause
      Overloaded                 a bounded queue is full; retry later
      ServiceInvalid             the compiled service cannot be loaded; names the file and the next step
      JournalError               see ``cloudstate.runtime.journal.errors``

Retryability is a field: ``retry_safe`` is True when the command certainly had no effect, False when trying again cannot
help, None when the outcome is unknown.
"""

from __future__ import annotations

from enum import IntEnum


class StatusCode(IntEnum):
    """The status codes of gRPC, by their wire numbers (grpc/doc/statuscodes)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class CloudStateError(Exception):
    """Root of every error that the runtime raises on purpose.

    Attributes:
        status: the gRPC status under which a caller sees this error.
        retry_safe: True: nothing happened, try again; False: trying again cannot help; None: unknown.
    """

    status: StatusCode = StatusCode.INTERNAL
    retry_safe: bool | None = None


class CommandRejected(CloudStateError):
    """Raised by entity code to refuse a command; nothing that the command emitted is kept.

    Args:
        description: the text the caller gets, verbatim.
        status: the gRPC status the caller gets; over HTTP/JSON it is mapped to an HTTP status. Not OK.

    Raises:
        ValueError: if ``status`` is OK.
    """

    retry_safe = False

    def __init__(self, description: str, status: StatusCode = StatusCode.FAILED_PRECONDITION) -> None:
        if status is StatusCode.OK:
            raise ValueError("a command cannot be rejected with status OK")
        super().__init__(description)
        self.description = description
        self.status = status


class ProtocolViolation(CloudStateError):
    """A message that is not legal where it arrived (protocol.md sections 1.3 to 1.6)."""

    retry_safe = False


class EntityFailed(CloudStateError):
    """Entity code raised something unexpected; ``__cause__`` is what it raised."""

    status = StatusCode.UNKNOWN

    def __init__(self, *, entity_type: str, entity_id: str, doing: str) -> None:
        super().__init__(f"`{entity_type}` entity `{entity_id}` failed while {doing}")
        self.entity_type = entity_type
        self.entity_id = entity_id
        self.doing = doing


class Overloaded(CloudStateError):
    """A bounded queue is full. The command was not started, so trying again later is safe."""

    status = StatusCode.RESOURCE_EXHAUSTED
    retry_safe = True


class ServiceInvalid(CloudStateError):
    """The compiled service or the author's code does not fit; says what, where, and what to do."""

    status = StatusCode.FAILED_PRECONDITION
    retry_safe = False

    def __init__(self, message: str, *, help: str) -> None:
        super().__init__(message)
        self.help = help

    def __str__(self) -> str:
        return f"{self.args[0]}\n  help: {self.help}"
