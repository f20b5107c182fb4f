"""How often somebody has entered a room: a counter that only grows, wherever it is counted."""

from chat import presence_pb2 as chat
from cloudstate.runtime.authoring import CrdtContext, GCounter
from presence_service.entities import VisitsEntity


class Visits(VisitsEntity):
    """One counter for each room."""

    def add(self, command: chat.Look, ctx: CrdtContext[GCounter]) -> chat.Count:
        ctx.state.increment()
        return chat.Count(visits=ctx.state.value)

    def get(self, command: chat.Look, ctx: CrdtContext[GCounter]) -> chat.Count:
        return chat.Count(visits=ctx.state.value)
