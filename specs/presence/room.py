"""A room: a CRDT entity. Every copy of it takes changes, and all copies come to the same."""

from chat import presence_pb2 as chat
from cloudstate.runtime.authoring import CommandRejected, CrdtContext, CrdtStreamContext, CrdtUpdate, ORSet, StatusCode
from presence_service.calls import VisitsCalls
from presence_service.entities import RoomEntity

People = ORSet[chat.Person]


class Room(RoomEntity):
    """A set of people."""

    def enter(self, command: chat.Visit, ctx: CrdtContext[People]) -> chat.People:
        person = named(command)
        if person not in ctx.state:
            ctx.state.add(person)
            ctx.effect(VisitsCalls.add(chat.Look(room=command.room)), synchronous=True)
        return shown(ctx.state)

    def leave(self, command: chat.Visit, ctx: CrdtContext[People]) -> chat.People:
        ctx.state.discard(named(command))
        return shown(ctx.state)

    def show(self, command: chat.Look, ctx: CrdtContext[People]) -> chat.People:
        return shown(ctx.state)

    def watch(self, command: chat.Look, ctx: CrdtStreamContext[People, chat.People]) -> chat.People:
        ctx.on_change(now)
        return shown(ctx.state)

    def stay(self, command: chat.Visit, ctx: CrdtStreamContext[People, chat.People]) -> chat.People:
        ctx.on_change(now)
        ctx.on_cancel(lambda end: end.state.discard(named(command)))
        return self.enter(command, ctx)

    def close(self, command: chat.Look, ctx: CrdtContext[People]) -> chat.People:
        ctx.delete()
        return chat.People()


def now(update: CrdtUpdate[People]) -> chat.People:
    """What watchers get when somebody has come or gone."""
    return shown(update.state)


def shown(state: People) -> chat.People:
    """The names, in order."""
    return chat.People(names=sorted(person.name for person in state))


def named(visit: chat.Visit) -> chat.Person:
    """Whom a visit is about."""
    if not visit.name:
        raise CommandRejected("who? the name is missing", StatusCode.INVALID_ARGUMENT)
    return chat.Person(name=visit.name)
