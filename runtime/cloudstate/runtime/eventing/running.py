"""The eventing of one service at work: a consumer for each subscription, and the publishing of replies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from uuid import uuid4

from google.protobuf.any_pb2 import Any as AnyMessage

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.errors import CloudStateError, ServiceInvalid
from cloudstate.runtime.eventing.attempts import Attempts, ConsumerLimits
from cloudstate.runtime.eventing.broker import Broker
from cloudstate.runtime.eventing.consumer import LogConsumer, everything_is_mine
from cloudstate.runtime.eventing.declared import ANY, Subscription, declared
from cloudstate.runtime.eventing.deliver import CloudEvent, deliver
from cloudstate.runtime.host import Reply, Request, Router
from cloudstate.runtime.journal import Journal
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Metadata, Payload

logger = logging.getLogger(__name__)


class Eventing:
    """What a service's methods declare, carried out.

    Args:
        broker: where topics are; None: there are none.
        is_mine: whether this process is the one that does some work; asked by a name of the work.

    Raises:
        ServiceInvalid: the declarations contradict each other, or need a broker where there is none.
    """

    def __init__(
        self,
        description: ServiceDescription,
        journal: Journal,
        broker: Broker | None,
        clock: Clock,
        limits: ConsumerLimits | None = None,
        is_mine: Callable[[str], bool] = everything_is_mine,
    ) -> None:
        found = declared(description)
        self._subscriptions = found.subscriptions
        self._journal = journal
        self._broker = broker
        self._clock = clock
        self._limits = limits or ConsumerLimits()
        self._is_mine = is_mine
        self._outputs = {
            (entity.service, command.name): command.output
            for entity in description.entities
            for command in entity.commands
        }
        #: The topics of commands whose replies are published, for the router.
        self.publications = found.publications
        self._tasks: list[asyncio.Task[None]] = []
        topics = [it.source for it in found.subscriptions if it.is_topic] + [*found.publications.values()]
        if topics and broker is None:
            raise ServiceInvalid(
                f"the service uses the topic `{topics[0]}`, and there is no message broker",
                help="give one with `--broker`, e.g. `--broker memory:` for development",
            )

    def start(self, router: Router) -> None:
        """Begin to consume."""
        loop = asyncio.get_running_loop()
        for subscription in self._subscriptions:
            work = self._topic if subscription.is_topic else self._log
            self._tasks.append(loop.create_task(_for_ever(partial(work, subscription, router), subscription.name)))

    async def stop(self) -> None:
        """Stop consuming: what is being handled is delivered again later."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    async def publish(self, request: Request, reply: Reply, command_id: str) -> None:
        """Publish a reply.

        Args:
            command_id: of the command; a retry is published under the same id.

        Raises:
            Undeliverable: the broker does not take it.
        """
        assert self._broker is not None
        key = request.service, request.command
        said = dict(_texts(reply.metadata))
        data, output = Payload(PROTOBUF_PREFIX + self._outputs[key], reply.payload), self._outputs[key]
        if output == ANY:
            wrapped = AnyMessage.FromString(reply.payload)
            data = Payload(wrapped.type_url, wrapped.value)
        event = CloudEvent(
            id=said.get("ce-id")
            or (f"{command_id}>{request.service}/{request.command}" if command_id else uuid4().hex),
            source=said.get("ce-source", request.service),
            type=said.get("ce-type", data.type_url.removeprefix(PROTOBUF_PREFIX)),
            data=data,
            subject=said.get("ce-subject", ""),
            time=self._clock.wall(),
        )
        await self._broker.publish(self.publications[key], event)

    async def _log(self, subscription: Subscription, router: Router) -> None:
        handle = partial(deliver, subscription=subscription, router=router)
        await LogConsumer(subscription, self._journal, handle, self._limits, self._is_mine).run()

    async def _topic(self, subscription: Subscription, router: Router) -> None:
        assert self._broker is not None
        handle = partial(deliver, subscription=subscription, router=router)
        attempts = Attempts(subscription.name, self._journal, handle, self._limits)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_around(attempts))
            await self._broker.consume(subscription.source, subscription.group, attempts.handle)

    async def _look_around(self, attempts: Attempts) -> None:
        while True:
            if self._is_mine(f"{attempts.name} dead letters"):
                await attempts.retry_wanted()
            await asyncio.sleep(self._limits.look_around)


async def _for_ever(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    """Consumers begin again, whatever happens to them."""
    while True:
        try:
            await work()
        except* CloudStateError as errors:
            logger.warning("`%s` begins again: %s", name, errors.exceptions[0])
        except* Exception as errors:
            logger.error("`%s` failed, and begins again", name, exc_info=errors)
        await asyncio.sleep(1.0)


def _texts(metadata: Metadata) -> list[tuple[str, str]]:
    return [(name, value) for name, value in metadata if isinstance(value, str)]
