"""The commands of what is tested, by the names that tests write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from google.protobuf.message import Message

from cloudstate.runtime.authoring.definition import CommandType


class Commands:
    """The commands of one entity or action.

    Args:
        target: the author's object, for what is told.
    """

    def __init__(self, target: object, commands: Iterable[CommandType]) -> None:
        self._target = type(target).__name__
        self._commands: Mapping[str, CommandType] = {command.name: command for command in commands}

    def named(self, name: str, *messages: Message) -> CommandType:
        """The command of a name, which takes the messages.

        Raises:
            KeyError: there is none.
            TypeError: one of the messages is not of the type that it takes.
        """
        command = self._commands.get(name)
        if command is None:
            known = ", ".join(sorted(self._commands))
            raise KeyError(f"`{name}` is no command of {self._target}, which has {known}")
        for message in messages:
            if not isinstance(message, command.input):
                given, taken = type(message).__name__, command.input.__name__
                raise TypeError(f"`{name}` of {self._target} takes {taken}, not {given}")
        return command
