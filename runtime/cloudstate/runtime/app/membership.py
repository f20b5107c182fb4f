"""This process as a member of a cluster."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import SystemRandom
from typing import NamedTuple

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.cluster.sharding import Sharding
from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal import Journal
from cloudstate.runtime.replication import Replication


@dataclass(frozen=True, slots=True)
class Clustered:
    """Which cluster a process is to join.

    Attributes:
        url: where its NATS servers are.
        workers: how many members there are, where one command starts them all on one machine; 0: nobody knows.
    """

    url: str
    workers: int = 0


class Cluster(NamedTuple):
    """This process as a member: of the entities that have one writer each, and of those that every member has."""

    sharding: Sharding
    replication: Replication


@asynccontextmanager
async def opened_cluster(
    clustered: Clustered | None, description: ServiceDescription, journal: Journal, clock: Clock
) -> AsyncIterator[Cluster | None]:
    """This process as a member, connected and not yet joined; None where there is no cluster.

    Raises:
        ServiceInvalid: the address is wrong, the NATS client is not installed, or the journal is of one process.
        EngineUnavailable: NATS cannot be reached.
    """
    if clustered is None:
        yield None
        return
    if not journal.shared and not clustered.workers:
        raise ServiceInvalid(
            "the members of a cluster need a journal that they share, and this one is of one process",
            help="use `postgresql://HOST/DATABASE` or `nats://HOST:PORT/STREAM`",
        )
    try:
        from cloudstate.runtime.cluster.nats_engine import NatsEngine
    except ImportError as error:
        raise ServiceInvalid(
            f"a cluster needs a package that is not installed ({error.name})",
            help="install the extra: `pip install cloudstate-py[nats]`",
        ) from error
    setting = Setting(
        description.name, description.shards, shares_journal=journal.shared, expected=max(1, clustered.workers)
    )
    engine = NatsEngine(clustered.url, description.name)
    await engine.open()
    try:
        sharding = Sharding(member_name(), setting, engine, journal, clock)
        node = sharding.node
        replication = Replication(engine, sharding, description.name, SystemRandom(), is_current=lambda: node.is_member)
        try:
            yield Cluster(sharding, replication)
        finally:
            await replication.close()
            sharding.flush()
    finally:
        await engine.close()


def member_name() -> str:
    """A name that no member ever had: it says where and which process this is."""
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
