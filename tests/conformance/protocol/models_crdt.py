"""The compatibility kit's model of replicated entities: what a case says, as messages of the protocol and the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.wrappers_pb2 import StringValue
from tests.conformance.protocol.case_crdt import AskCrdt, Begin, Cancel, Message, Tree, Watch
from tests.conformance.protocol.models import side_effects, wrapped

from cloudstate import crdt_pb2 as pb
from cloudstate.entity_pb2 import ClientAction, Command, Failure, Forward, Reply
from tck import crdt_pb2 as tck

PATH = "/cloudstate.crdt.Crdt/handle"
SERVICES = {name: f"cloudstate.tck.model.crdt.Crdt{name}" for name in ("TckModel", "Two", "Configured")}
_AT = {"model": "TckModel", "two": "Two", "configured": "Configured"}


def service(at: str) -> str:
    """The full name of the service that cases call so."""
    return SERVICES[_AT[at]]


# -- values and changes


def element(text: str) -> AnyMessage:
    """An element of a set, or a key of a map."""
    return AnyMessage(type_url="p.cloudstate.io/string", value=StringValue(value=text).SerializeToString())


def delta(tree: Tree) -> pb.CrdtDelta:
    """A change, as the protocol carries it."""
    [(kind, change)] = tree.items()
    match kind:
        case "gcounter":
            return pb.CrdtDelta(gcounter=pb.GCounterDelta(increment=change))
        case "pncounter":
            return pb.CrdtDelta(pncounter=pb.PNCounterDelta(change=change))
        case "gset":
            return pb.CrdtDelta(gset=pb.GSetDelta(added=map(element, change)))
        case "orset":
            return pb.CrdtDelta(orset=_orset(change))
        case "lwwregister":
            return pb.CrdtDelta(lwwregister=_lwwregister(change))
        case "flag":
            return pb.CrdtDelta(flag=pb.FlagDelta(value=change))
        case "ormap":
            return pb.CrdtDelta(ormap=_ormap(change))
    own, votes, voters = (change, 0, 0) if isinstance(change, bool) else change
    return pb.CrdtDelta(vote=pb.VoteDelta(self_vote=own, votes_for=votes, total_voters=voters))


def _orset(change: Any) -> pb.ORSetDelta:
    return pb.ORSetDelta(
        cleared=change.get("cleared", False),
        removed=map(element, change.get("removed", ())),
        added=map(element, change.get("added", ())),
    )


def _lwwregister(change: Any) -> pb.LWWRegisterDelta:
    return pb.LWWRegisterDelta(
        value=element(change["value"]),
        clock=change.get("clock"),
        custom_clock_value=change.get("custom", 0),
    )


def _ormap(change: Any) -> pb.ORMapDelta:
    return pb.ORMapDelta(
        cleared=change.get("cleared", False),
        removed=map(element, change.get("removed", ())),
        updated=_entries(change.get("updated", {})),
        added=_entries(change.get("added", {})),
    )


def _entries(children: Any) -> list[pb.ORMapEntryDelta]:
    return [pb.ORMapEntryDelta(key=element(name), delta=delta(child)) for name, child in children.items()]


def sorted_delta(change: pb.CrdtDelta) -> None:
    """Put elements and entries in order: changes are compared whatever theirs is."""

    def by_bytes(items: Any, key: Callable[[Any], bytes]) -> None:
        items.sort(key=key)

    for elements in (change.gset.added, change.orset.added, change.orset.removed, change.ormap.removed):
        by_bytes(elements, lambda it: it.value)
    for entries in (change.ormap.updated, change.ormap.added):
        by_bytes(entries, lambda it: it.key.value)
        for entry in entries:
            sorted_delta(entry.delta)


def value(tree: Tree) -> tck.State:
    """A value, as the model answers it."""
    [(kind, held)] = tree.items()
    match kind:
        case "gcounter":
            return tck.State(gcounter=tck.GCounterValue(value=held))
        case "pncounter":
            return tck.State(pncounter=tck.PNCounterValue(value=held))
        case "gset":
            return tck.State(gset=tck.GSetValue(elements=held))
        case "orset":
            return tck.State(orset=tck.ORSetValue(elements=held))
        case "lwwregister":
            return tck.State(lwwregister=tck.LWWRegisterValue(value=held))
        case "flag":
            return tck.State(flag=tck.FlagValue(value=held))
        case "ormap":
            entries = [tck.ORMapEntryValue(key=name, value=value(child)) for name, child in held.items()]
            return tck.State(ormap=tck.ORMapValue(entries=entries))
    own, votes, voters = held
    return tck.State(vote=tck.VoteValue(self_vote=own, votes_for=votes, total_voters=voters))


# -- requests


def step(entity_id: str, text: str) -> tck.RequestAction:
    """One step of a request."""
    kind, _, rest = text.partition(" ")
    match kind:
        case "delete":
            return tck.RequestAction(delete=tck.Delete())
        case "forward":
            return tck.RequestAction(forward=tck.Forward(id=rest))
        case "fail":
            return tck.RequestAction(fail=tck.Fail(message=rest))
        case "effect" | "sync":
            return tck.RequestAction(effect=tck.Effect(id=rest, synchronous=kind == "sync"))
        case "LOCAL" | "MAJORITY" | "ALL":
            made = update(entity_id, rest)
            made.MergeFrom(tck.Update(write_consistency=kind))
            return tck.RequestAction(update=made)
    return tck.RequestAction(update=update(entity_id, text))


def update(name: str, text: str) -> tck.Update:
    """A change of the entity, or of the entry of a map, of that name."""
    kind, _, rest = text.partition(" ")
    match name.partition("-")[0]:
        case "GCounter":
            return tck.Update(gcounter=tck.GCounterUpdate(increment=int(text)))
        case "PNCounter":
            return tck.Update(pncounter=tck.PNCounterUpdate(change=int(text)))
        case "GSet":
            return tck.Update(gset=tck.GSetUpdate(add=rest))
        case "ORSet":
            return tck.Update(orset=_orset_update(kind, rest))
        case "LWWRegister":
            return tck.Update(lwwregister=_set(*rest.split(" ")))
        case "Flag":
            return tck.Update(flag=tck.FlagUpdate())
        case "ORMap":
            return tck.Update(ormap=_map(kind, rest))
        case "Vote":
            return tck.Update(vote=tck.VoteUpdate(self_vote=rest == "true"))
    raise ValueError(f"`{name}` does not begin with a data type")


def _orset_update(kind: str, rest: str) -> tck.ORSetUpdate:
    if kind == "clear":
        return tck.ORSetUpdate(clear=True)
    return tck.ORSetUpdate(add=rest) if kind == "add" else tck.ORSetUpdate(remove=rest)


def _set(text: str, clock: str = "", custom: str = "0") -> tck.LWWRegisterUpdate:
    made = tck.LWWRegisterUpdate(value=text)
    if clock:
        made.clock.CopyFrom(tck.LWWRegisterClock(clockType=clock, customClockValue=int(custom)))
    return made


def _map(kind: str, rest: str) -> tck.ORMapUpdate:
    if kind == "clear":
        return tck.ORMapUpdate(clear=True)
    if kind == "update":
        name, _, text = rest.partition(" ")
        return tck.ORMapUpdate(update=tck.ORMapEntryUpdate(key=name, update=update(name, text)))
    return tck.ORMapUpdate(add=rest) if kind == "add" else tck.ORMapUpdate(remove=rest)


# -- what the proxy says


def init(begin: Begin) -> pb.CrdtStreamIn:
    """The first message of a stream."""
    started = delta(begin.delta) if begin.delta is not None else None
    return pb.CrdtStreamIn(init=pb.CrdtInit(service_name=service("model"), entity_id=begin.begin, delta=started))


def told(tree: Tree | None) -> pb.CrdtStreamIn:
    """A change of another replica, or its deletion."""
    return pb.CrdtStreamIn(delete=pb.CrdtDelete()) if tree is None else pb.CrdtStreamIn(delta=delta(tree))


def command(entity_id: str, number: int, said: AskCrdt | Watch) -> pb.CrdtStreamIn:
    """A command."""
    if isinstance(said, AskCrdt):
        request: ProtoMessage = tck.Request(id=entity_id, actions=[step(entity_id, text) for text in said.ask])
        name = "Process" if said.at == "model" else "Call"
    else:
        request, name = _streamed(entity_id, said), "ProcessStreamed"
    return pb.CrdtStreamIn(
        command=Command(
            entity_id=entity_id, id=number, name=name, payload=wrapped(request), streamed=isinstance(said, Watch)
        )
    )


def _streamed(entity_id: str, said: Watch) -> tck.StreamedRequest:
    def changed(text: str | None) -> tck.Update | None:
        return update(entity_id, text) if text is not None else None

    return tck.StreamedRequest(
        id=entity_id,
        end_state=value(said.end_state) if said.end_state is not None else None,
        cancel_update=changed(said.cancel_update),
        initial_update=changed(said.initial_update),
        effects=[
            tck.Effect(id=text.removeprefix("sync "), synchronous=text.startswith("sync "))
            for text in said.with_effects
        ],
        empty=said.empty,
    )


# -- what the function answers


def answer(number: int, said: AskCrdt | Watch) -> pb.CrdtStreamOut:
    """The reply to a command, in full."""
    reply = pb.CrdtReply(command_id=number, streamed=isinstance(said, Watch))
    if isinstance(said, AskCrdt):
        reply.client_action.CopyFrom(_client_action(number, said))
        reply.side_effects.extend(_effects(said.effects))
    elif said.reply is not None:
        reply.client_action.reply.payload.CopyFrom(_response(said.reply))
    if said.update is not None:
        reply.state_action.update.CopyFrom(delta(said.update))
    if isinstance(said, AskCrdt) and said.delete:
        reply.state_action.delete.CopyFrom(pb.CrdtDelete())
    if isinstance(said, AskCrdt) and said.consistency != "LOCAL":
        reply.state_action.MergeFrom(pb.CrdtStateAction(write_consistency=said.consistency))
    return pb.CrdtStreamOut(reply=reply)


def further(number: int, message: Message) -> pb.CrdtStreamOut:
    """A further reply to a streamed command."""
    return pb.CrdtStreamOut(
        streamed_message=pb.CrdtStreamedMessage(
            command_id=number,
            client_action=ClientAction(reply=Reply(payload=_response(message.reply))),
            side_effects=_effects(message.effects),
            end_stream=message.ends,
        )
    )


def cancelled(number: int, said: Cancel) -> pb.CrdtStreamOut:
    """The answer to the end of a streamed command."""
    response = pb.CrdtStreamCancelledResponse(command_id=number)
    if said.update is not None:
        response.state_action.update.CopyFrom(delta(said.update))
    return pb.CrdtStreamOut(stream_cancelled_response=response)


def in_order(message: pb.CrdtStreamOut) -> pb.CrdtStreamOut:
    """The message with its changes in order, for comparison."""
    for part in (message.reply, message.stream_cancelled_response):
        if part.state_action.HasField("update"):
            sorted_delta(part.state_action.update)
    return message


def _client_action(number: int, said: AskCrdt) -> ClientAction:
    if said.forward is not None:
        payload = wrapped(tck.Request(id=said.forward))
        return ClientAction(forward=Forward(service_name=service("two"), command_name="Call", payload=payload))
    if said.failure is not None:
        return ClientAction(failure=Failure(command_id=number, description=said.failure))
    return ClientAction(reply=Reply(payload=_response(said.reply or {})))


def _response(tree: Tree) -> AnyMessage:
    return wrapped(tck.Response(state=value(tree) if tree else None))


def _effects(effects: Iterable[str]) -> list[Any]:
    return side_effects(effects, service("two"), tck.Request)
