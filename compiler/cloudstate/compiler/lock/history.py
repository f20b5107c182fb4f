"""What other versions had: who uses a number anew gives old data a meaning that it never had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudstate.compiler.lock.recorded import Stored


@dataclass(frozen=True, slots=True)
class History:
    """All recorded versions, oldest first, and which of them is compared with today."""

    versions: Sequence[Stored]
    index: int

    @property
    def is_newest(self) -> bool:
        """No version came after the one that is compared."""
        return self.index == len(self.versions) - 1

    def retired_field(self, message: str, number: int) -> bool:
        """A later version had no field with the number, or not even the message."""
        messages = (stored.messages.get(message) for stored in self._later())
        return any(known is None or known.number(number) is None for known in messages)

    def retired_value(self, enum: str, number: int) -> bool:
        """A later version had no value with the number, or not even the enum."""
        enums = (stored.enums.get(enum) for stored in self._later())
        return any(known is None or not known.names(number) for known in enums)

    def earlier_fields(self, message: str, number: int) -> set[str]:
        """What fields with the number were called in earlier versions."""
        messages = (stored.messages.get(message) for stored in self.versions[: self.index])
        fields = (known.number(number) for known in messages if known is not None)
        return {field.name for field in fields if field is not None}

    def earlier_values(self, enum: str, number: int) -> set[str]:
        """What the number was called in earlier versions."""
        enums = (stored.enums.get(enum) for stored in self.versions[: self.index])
        return {name for known in enums if known is not None for name in known.names(number)}

    def _later(self) -> Sequence[Stored]:
        return self.versions[self.index + 1 :]
