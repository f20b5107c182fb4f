"""A user function that answers what the step at hand says: what is behind the proxy in the role ``proxy``."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

from tests.conformance.protocol import models_crdt as crdt
from tests.conformance.protocol import models_eventing as eventing
from tests.conformance.protocol.case import Ask, Call, Emit
from tests.conformance.protocol.case_crdt import AskCrdt, Cancel, Message, Watch
from tests.conformance.protocol.models import ACTIONS, ENTITIES, EntityModel

from cloudstate import entity_pb2 as pb
from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.crdt_pb2 import CrdtStreamIn, CrdtStreamOut
from cloudstate.runtime.transport import Method, StreamMethod, UnaryMethod
from tck.action_pb2 import Response

Asked: TypeAlias = Ask | Call | AskCrdt | Watch | Cancel | Emit
_EMPTY = Ask(ask=(), at="two", reply="")
_EMPTY_CRDT = AskCrdt(ask=(), at="two", reply={})


class Script:
    """Its methods, for a server.

    Attributes:
        step: what the client is about to ask; the answers are the step's. Service two answers with nothing.
        reported: what the proxy had to say.
    """

    def __init__(self, spec: pb.EntitySpec) -> None:
        """Args: what it announces."""
        self.step: Asked | None = None
        self.reported: list[str] = []
        self._spec = spec.SerializeToString()
        self._methods: dict[str, Method] = {
            "/cloudstate.EntityDiscovery/discover": UnaryMethod(lambda call, payload: call.reply(self._spec)),
            "/cloudstate.EntityDiscovery/reportError": UnaryMethod(self._report),
        }
        for model in ENTITIES.values():
            self._methods[model.path] = StreamMethod(partial(self._entity, model))
        self._methods[crdt.PATH] = StreamMethod(self._replica)
        for shape, path in ACTIONS.paths.items():
            stream = StreamMethod(partial(self._action, shape))
            self._methods[path] = UnaryMethod(self._unary) if shape == "unary" else stream

    def begin(self, step: Asked) -> None:
        """The answers are those of this step from now on."""
        self.step = step

    def methods(self, path: str) -> Method | None:
        """See ``Server``."""
        return self._methods.get(path)

    def _report(self, call: Any, payload: bytes) -> None:
        self.reported.append(pb.UserFunctionError.FromString(payload).message)
        call.reply(b"")

    async def _entity(self, model: EntityModel, call: Any) -> None:
        service = ""
        async for data in call:
            message = model.message_in.FromString(data)
            match message.WhichOneof("message"):
                case "init":
                    service = message.init.service_name
                case "command" if isinstance(self.step, Emit):
                    emitted = eventing.emitted(self.step, message.command.id)
                    await call.send(emitted.SerializeToString())
                case "command":
                    step = _EMPTY if service == model.services["two"] else self.step
                    assert isinstance(step, Ask)
                    answer = model.answer(step, message.command.id, restart=step.restart)
                    await call.send(answer.SerializeToString())

    async def _replica(self, call: Any) -> None:
        is_two, numbers = False, dict[str, int]()
        async for data in call:
            message, step = CrdtStreamIn.FromString(data), self.step
            match message.WhichOneof("message"):
                case "init":
                    is_two = message.init.service_name == crdt.service("two")
                case "command":
                    if is_two and not (isinstance(step, AskCrdt) and step.at == "two"):
                        step = _EMPTY_CRDT
                    assert isinstance(step, AskCrdt | Watch)
                    if isinstance(step, Watch):
                        numbers[step.watch] = message.command.id
                    await _say(call, crdt.answer(message.command.id, step), numbers, step.then)
                case "stream_cancelled":
                    assert isinstance(step, Cancel)
                    await _say(call, crdt.cancelled(message.stream_cancelled.id, step), numbers, step.then)

    def _unary(self, call: Any, payload: bytes) -> None:
        command = ActionCommand.FromString(payload)
        if isinstance(self.step, Emit):
            call.reply(eventing.response(self.step, command.name).SerializeToString())
            return
        if command.service_name == ACTIONS.two:
            response = ActionResponse()
            response.reply.payload.Pack(Response(), type_url_prefix="type.googleapis.com/")
            call.reply(response.SerializeToString())
            return
        call.reply(self._responses()[0])

    async def _action(self, shape: str, call: Any) -> None:
        assert isinstance(self.step, Call)
        responses = self._responses()
        if shape == "both":
            await anext(call)
            for groups in self.step.requests:
                await anext(call)
                for _ in groups:
                    await call.send(responses.pop(0))
        async for _ in call:
            pass
        for response in responses:
            await call.send(response)

    def _responses(self) -> list[bytes]:
        assert isinstance(self.step, Call)
        return [ACTIONS.response(it).SerializeToString() for it in self.step.responses]


async def _say(call: Any, first: CrdtStreamOut, numbers: dict[str, int], then: tuple[Message, ...]) -> None:
    for message in (first, *(crdt.further(numbers[it.to], it) for it in then)):
        await call.send(message.SerializeToString())
