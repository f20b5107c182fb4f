"""How a simulation ends when it does not end well."""

from __future__ import annotations


class SimulationError(Exception):
    """Root of these errors."""


class Stuck(SimulationError):
    """Nothing is ready and no timer runs, and somebody still waits."""


class TooLong(SimulationError):
    """More steps or more virtual time than is allowed."""


class Unhandled(SimulationError):
    """An error in a live process that nobody handled: a failed callback, or a task whose result nobody asked for."""

    def __init__(self, process: str, message: str, cause: BaseException | None) -> None:
        super().__init__(f"{process}: {message}: {cause!r}")
        self.__cause__ = cause


class NodeDown(SimulationError):
    """The node does not run, or has ended before it answered."""
