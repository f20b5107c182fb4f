"""Topics and event logs: whether what waits in them is still consumed, and what others wait for still comes."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.history import History
from cloudstate.compiler.lock.messages import MessageComparison
from cloudstate.compiler.lock.recorded import Channel, Direction, Stored

_SERVICE = Place(PlaceKind.SERVICE)


def compare_channels(old: Stored, new: Stored, history: History) -> Iterator[Change]:
    """What has become of each recorded channel."""
    messages = MessageComparison(old, new, history, Verdict.DATA_LOSS)
    for channel in old.channels:
        if channel in new.channels:
            yield from messages.compare(channel.message, channel.message)
        elif channel.direction is Direction.CONSUMED:
            yield _left(channel, new)
        elif not any(_is_same(channel, today) for today in new.channels):
            was = _text(channel)
            help_ = "keep publishing to it for as long as there are consumers"
            why = "its consumers would wait for messages that no longer come"
            yield Change(
                codes.DESTINATION_LEFT, channel.source, _SERVICE, Verdict.NEEDS_REBUILD, (was,), why=why, help=help_
            )


def _left(channel: Channel, new: Stored) -> Change:
    """A group that no longer consumes a type of messages."""
    today = [other for other in new.channels if _is_same(channel, other)]
    is_log = channel.source.startswith("log ")
    if today:
        why = f"messages of the type `{channel.message}` that wait there would not be understood"
    elif is_log:
        why = "its position in the log would be lost, and with it what it made of the events so far"
    else:
        why = "messages that wait there would not be read"
    verdict = Verdict.NEEDS_REBUILD if is_log and not today else Verdict.DATA_LOSS
    now = ", ".join(other.message for other in today)
    help_ = "keep an rpc of the same group that consumes it, until nothing waits there any more"
    return Change(codes.SOURCE_LEFT, channel.source, _SERVICE, verdict, (_text(channel),), now, why=why, help=help_)


def _is_same(channel: Channel, other: Channel) -> bool:
    """The same way, source and group; the messages may be others."""
    return (channel.direction, channel.source, channel.group) == (other.direction, other.source, other.group)


def _text(channel: Channel) -> str:
    group = f" by {channel.group}" if channel.group else ""
    return f"{channel.direction}{group}: {channel.message}"
