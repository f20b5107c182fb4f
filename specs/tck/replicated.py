"""The model of replicated entities of the compatibility kit. Which type an entity has is in its id: ``GCounter-1``."""

from collections.abc import Callable, Mapping
from typing import Any

from cloudstate.runtime.authoring import (
    Clock,
    CommandRejected,
    Consistency,
    CrdtContext,
    CrdtStreamContext,
    CrdtUpdate,
    Flag,
    GCounter,
    GSet,
    LWWRegister,
    ORMap,
    ORSet,
    PNCounter,
    Reply,
    Vote,
)
from tck.crdt_pb2 import (
    FlagValue,
    GCounterValue,
    GSetValue,
    LWWRegisterValue,
    ORMapEntryValue,
    ORMapUpdate,
    ORMapValue,
    ORSetUpdate,
    ORSetValue,
    PNCounterValue,
    Request,
    Response,
    State,
    StreamedRequest,
    Update,
    VoteValue,
)
from tck_service.calls import CrdtTwoCalls
from tck_service.entities import CrdtConfiguredEntity, CrdtTckModelEntity, CrdtTwoEntity

DATA: Mapping[str, tuple[type[Any], type[Any] | None]] = {
    "GCounter": (GCounter, None),
    "PNCounter": (PNCounter, None),
    "GSet": (GSet, str),
    "ORSet": (ORSet, str),
    "LWWRegister": (LWWRegister, str),
    "Flag": (Flag, None),
    "ORMap": (ORMap, str),
    "Vote": (Vote, None),
}


class CrdtTckModel(CrdtTckModelEntity):
    """Takes the steps of each request."""

    def data_of(self, entity_id: str) -> tuple[type[Any], type[Any] | None]:
        return named(entity_id)

    def process(self, command: Request, ctx: CrdtContext[Any]) -> Reply[Response]:
        begin(ctx)
        answer: Reply[Response] | None = None
        for step in command.actions:
            match step.WhichOneof("action"):
                case "update":
                    change(ctx.state, step.update)
                    ctx.consistency = max(ctx.consistency, Consistency(step.update.write_consistency))
                case "delete":
                    ctx.delete()
                case "forward":
                    answer = CrdtTwoCalls.call(Request(id=step.forward.id)).forward()
                case "effect":
                    ctx.effect(CrdtTwoCalls.call(Request(id=step.effect.id)), synchronous=step.effect.synchronous)
                case "fail":
                    raise CommandRejected(step.fail.message)
        return answer or Response(state=shown(ctx.state))

    def process_streamed(self, command: StreamedRequest, ctx: CrdtStreamContext[Any, Response]) -> Response | None:
        begin(ctx)
        if command.HasField("initial_update"):
            change(ctx.state, command.initial_update)
        if command.HasField("cancel_update"):
            ctx.on_cancel(lambda end: change(end.state, command.cancel_update))
        if command.empty:
            return None
        ctx.on_change(lambda update: followed(command, update))
        return Response(state=shown(ctx.state))


def begin(ctx: CrdtContext[Any]) -> None:
    """The kit's model begins a register by writing an empty text; other types begin empty by themselves."""
    if isinstance(ctx.state, LWWRegister) and not ctx.exists:
        ctx.state.set("")


def followed(command: StreamedRequest, update: CrdtUpdate[Any]) -> Response:
    """What a stream says when the value has changed."""
    state = shown(update.state)
    for effect in command.effects:
        update.effect(CrdtTwoCalls.call(Request(id=effect.id)), synchronous=effect.synchronous)
    if command.HasField("end_state") and command.end_state == state:
        update.end()
    return Response(state=state)


def named(name: str) -> tuple[type[Any], type[Any] | None]:
    """The type that the name of an entity, or of an entry of a map, begins with.

    Raises:
        CommandRejected: it begins with none.
    """
    found = DATA.get(name.partition("-")[0])
    if found is None:
        raise CommandRejected(f"`{name}` does not begin with a data type, as `GCounter-1` does")
    return found


def change(data: Any, update: Update) -> None:
    """Do what an update says."""
    kind = update.WhichOneof("update")
    if kind is not None:
        CHANGES[kind](data, getattr(update, kind))


def change_set(data: ORSet[str], update: ORSetUpdate) -> None:
    match update.WhichOneof("action"):
        case "add":
            data.add(update.add)
        case "remove":
            data.discard(update.remove)
        case "clear":
            if update.clear:
                data.clear()


def change_map(data: ORMap[str], update: ORMapUpdate) -> None:
    match update.WhichOneof("action"):
        case "add":
            data.child(update.add, *named(update.add))
        case "update":
            change(data.child(update.update.key, *named(update.update.key)), update.update.update)
        case "remove":
            data.discard(update.remove)
        case "clear":
            if update.clear:
                data.clear()


CHANGES: Mapping[str, Callable[[Any, Any], None]] = {
    "gcounter": lambda data, update: data.increment(update.increment),
    "pncounter": lambda data, update: data.increment(update.change),
    "gset": lambda data, update: data.add(update.add),
    "orset": change_set,
    "lwwregister": lambda data, update: data.set(
        update.value, Clock(update.clock.clockType), update.clock.customClockValue
    ),
    "flag": lambda data, update: data.enable(),
    "ormap": change_map,
    "vote": lambda data, update: data.vote(update.self_vote),
}


def shown(data: Any) -> State:
    """The value, with elements and entries in order."""
    match data:
        case GCounter():
            return State(gcounter=GCounterValue(value=data.value))
        case PNCounter():
            return State(pncounter=PNCounterValue(value=data.value))
        case GSet():
            return State(gset=GSetValue(elements=sorted(data)))
        case ORSet():
            return State(orset=ORSetValue(elements=sorted(data)))
        case LWWRegister():
            return State(lwwregister=LWWRegisterValue(value=data.value))
        case Flag():
            return State(flag=FlagValue(value=data.on))
        case ORMap():
            entries = [ORMapEntryValue(key=key, value=shown(data.child(key, *named(key)))) for key in sorted(data)]
            return State(ormap=ORMapValue(entries=entries))
        case Vote():
            return State(vote=VoteValue(self_vote=data.own, votes_for=data.votes_for, total_voters=data.voters))
    raise TypeError(f"not a replicated value: {data!r}")


class CrdtTwo(CrdtTwoEntity):
    """The target of forwards and side effects."""

    def data_of(self, entity_id: str) -> tuple[type[Any], type[Any] | None]:
        return named(entity_id) if entity_id.partition("-")[0] in DATA else (GCounter, None)

    def call(self, command: Request, ctx: CrdtContext[Any]) -> Response:
        if any(step.HasField("delete") for step in command.actions):
            ctx.delete()
        return Response()


class CrdtConfigured(CrdtConfiguredEntity):
    """Leaves memory after a tenth of a second."""

    def data_of(self, entity_id: str) -> tuple[type[Any], type[Any] | None]:
        return named(entity_id)

    def call(self, command: Request, ctx: CrdtContext[Any]) -> Response:
        return Response()
