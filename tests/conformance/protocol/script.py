"""A user function that answers what the step at hand says: what is behind the proxy in the role ``proxy``."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.conformance.protocol.case import Ask, Call
from tests.conformance.protocol.models import ACTIONS, ENTITIES, EntityModel

from cloudstate import entity_pb2 as pb
from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.runtime.transport import Method, StreamMethod, UnaryMethod
from tck.action_pb2 import Response

_EMPTY = Ask(ask=(), at="two", reply="")


class Script:
    """Its methods, for a server.

    Attributes:
        step: what the client is about to ask; the answers are the step's. Service two answers with nothing.
        reported: what the proxy had to say.
    """

    def __init__(self, spec: pb.EntitySpec) -> None:
        """Args: what it announces."""
        self.step: Ask | Call | None = None
        self.reported: list[str] = []
        self._spec = spec.SerializeToString()
        self._methods: dict[str, Method] = {
            "/cloudstate.EntityDiscovery/discover": UnaryMethod(lambda call, payload: call.reply(self._spec)),
            "/cloudstate.EntityDiscovery/reportError": UnaryMethod(self._report),
        }
        for model in ENTITIES.values():
            self._methods[model.path] = StreamMethod(partial(self._entity, model))
        for shape, path in ACTIONS.paths.items():
            stream = StreamMethod(partial(self._action, shape))
            self._methods[path] = UnaryMethod(self._unary) if shape == "unary" else stream

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
                case "command":
                    step = _EMPTY if service == model.services["two"] else self.step
                    assert isinstance(step, Ask)
                    answer = model.answer(step, message.command.id, restart=step.restart)
                    await call.send(answer.SerializeToString())

    def _unary(self, call: Any, payload: bytes) -> None:
        command = ActionCommand.FromString(payload)
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
