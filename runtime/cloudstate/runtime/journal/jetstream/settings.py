"""Where a JetStream journal is, and its bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal.limits import DEFAULT_MAX_APPEND

_STREAM = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class JetStreamSettings:
    """One journal.

    Attributes:
        servers: addresses, each ``nats://[USER:PASSWORD@]HOST:PORT``.
        stream: the stream's name, and what its subjects begin with.
        replicas: on how many servers the stream is kept.
        storage: ``file`` or ``memory``.
        credentials: the path of a credentials file.
        max_append: the largest append in bytes; the server's ``max_payload`` bounds it, too.
        max_batch: appends that are published at a time.
        max_waiting, max_waiting_bytes: what may wait; more is refused.
        connect_timeout: seconds to get a connection.
        settle_timeout: seconds that a cluster which has just started gets to be ready.
        answer_timeout: seconds that the stream may take to answer.
        max_heads: entities whose last message is remembered.
    """

    servers: tuple[str, ...]
    stream: str = "CLOUDSTATE"
    replicas: int = 1
    storage: str = "file"
    credentials: str | None = None
    max_append: int = DEFAULT_MAX_APPEND
    max_batch: int = 256
    max_waiting: int = 20_000
    max_waiting_bytes: int = 256 * 1024 * 1024
    connect_timeout: float = 5.0
    settle_timeout: float = 15.0
    answer_timeout: float = 5.0
    max_heads: int = 100_000

    @property
    def where(self) -> str:
        """The stream for messages, without what is secret."""
        hosts = ",".join(server.rpartition("@")[2].removeprefix("nats://") for server in self.servers)
        return f"nats://{hosts}/{self.stream}"


def parse(url: str) -> JetStreamSettings:
    """The settings that an address says: ``nats://HOST:PORT[,HOST:PORT...]/STREAM?replicas=3``.

    Raises:
        ServiceInvalid: it is not such an address.
    """
    parts = urlsplit(url)
    stream = parts.path.lstrip("/") or "CLOUDSTATE"
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    replicas, storage = options.pop("replicas", "1"), options.pop("storage", "file")
    credentials = options.pop("credentials", None)
    if not parts.netloc:
        raise ServiceInvalid("the journal's address names no server", help="write `nats://HOST:PORT/STREAM`")
    if not _STREAM.fullmatch(stream):
        raise ServiceInvalid(f"`{stream}` is not the name of a stream", help="use letters, digits, `_` and `-`")
    if replicas not in ("1", "3", "5") or storage not in ("file", "memory") or options:
        raise ServiceInvalid(
            f"the journal's address has options that it cannot have: {parts.query}",
            help="`replicas` is 1, 3 or 5, `storage` is file or memory, `credentials` is a path; there are no others",
        )
    login, at, hosts = parts.netloc.rpartition("@")
    servers = tuple(f"nats://{login}{at}{host}" for host in hosts.split(","))
    return JetStreamSettings(servers, stream, int(replicas), storage, credentials)
