"""Numbers, texts and payloads as bytes, in one way only: what a reader accepts, a writer would write the same.

Numbers are base-128 with the lowest part first, signed ones folded (0, -1, 1, -2, ...); texts and bytes follow their
length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cloudstate.runtime.crdt.errors import EncodingInvalid
from cloudstate.runtime.payload import Payload

#: More bytes than any number of ours has: 64 bits, and some more for sums.
_LONGEST_NUMBER = 12


class Writer:
    """Collects bytes."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out = bytearray()

    def written(self) -> bytes:
        """All bytes so far."""
        return bytes(self._out)

    def number(self, value: int) -> None:
        """A number that is not negative."""
        while value > 0x7F:
            self._out.append(value & 0x7F | 0x80)
            value >>= 7
        self._out.append(value)

    def signed(self, value: int) -> None:
        """Any number."""
        self.number(value << 1 if value >= 0 else (-value << 1) - 1)

    def flag(self, value: bool) -> None:
        """True or False."""
        self._out.append(value)

    def blob(self, value: bytes) -> None:
        """Bytes."""
        self.number(len(value))
        self._out += value

    def text(self, value: str) -> None:
        """A text."""
        self.blob(value.encode())

    def payload(self, value: Payload) -> None:
        """A type URL and a value."""
        self.text(value.type_url)
        self.blob(value.value)


class Reader:
    """Takes bytes apart; every method raises EncodingInvalid if they are not there, or were written otherwise."""

    __slots__ = ("_data", "_depth", "offset")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._depth = 0
        self.offset = 0

    @contextmanager
    def nested(self, deepest: int) -> Iterator[None]:
        """Something is read that is inside of what is being read; no more than ``deepest`` levels of it."""
        self._depth += 1
        if self._depth > deepest:
            raise self.invalid(f"more than {deepest} levels")
        yield
        self._depth -= 1

    def end(self) -> None:
        """Nothing may follow."""
        if self.offset != len(self._data):
            raise self.invalid("more bytes than expected")

    def number(self) -> int:
        """See ``Writer.number``."""
        value = shift = 0
        for count in range(_LONGEST_NUMBER):
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if not byte and count:
                    raise self.invalid("a number with a leading zero")
                return value
            shift += 7
        raise self.invalid("a number without an end")

    def signed(self) -> int:
        """See ``Writer.signed``."""
        folded = self.number()
        return -((folded + 1) >> 1) if folded & 1 else folded >> 1

    def flag(self) -> bool:
        """See ``Writer.flag``."""
        byte = self._take(1)[0]
        if byte > 1:
            raise self.invalid("neither true nor false")
        return bool(byte)

    def blob(self) -> bytes:
        """See ``Writer.blob``."""
        return self._take(self.number())

    def text(self) -> str:
        """See ``Writer.text``."""
        try:
            return self.blob().decode()
        except UnicodeDecodeError:
            raise self.invalid("a text that is not UTF-8") from None

    def payload(self) -> Payload:
        """See ``Writer.payload``."""
        return Payload(self.text(), self.blob())

    def invalid(self, reason: str) -> EncodingInvalid:
        """An error at this place."""
        return EncodingInvalid(reason, self.offset)

    def _take(self, count: int) -> bytes:
        end = self.offset + count
        if end > len(self._data):
            raise self.invalid("the bytes end too early")
        taken = self._data[self.offset : end]
        self.offset = end
        return taken
