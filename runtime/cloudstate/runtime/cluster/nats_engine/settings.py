"""Where the NATS servers of a cluster are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from cloudstate.runtime.errors import ServiceInvalid


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """One cluster of NATS servers.

    Attributes:
        servers: addresses, without login.
        user, password: None: none is needed.
        token: who has it may connect; None: none is needed.
        credentials: the path of a credentials file.
        replicas: on how many servers the table is kept.
        answer_timeout: seconds that a request gets.
        settle_timeout: seconds that servers which have just started get to make the table.
        pending: bytes of messages that may wait for the connection; more are dropped.
    """

    servers: tuple[str, ...]
    user: str | None = None
    password: str | None = None
    token: str | None = None
    credentials: str | None = None
    replicas: int = 1
    answer_timeout: float = 2.0
    settle_timeout: float = 15.0
    pending: int = 32 * 1024 * 1024

    @property
    def where(self) -> str:
        """The servers for messages, without what is secret."""
        scheme = self.servers[0].partition("://")[0]
        return f"{scheme}://" + ",".join(server.partition("://")[2] for server in self.servers)


def parse(url: str) -> NatsSettings:
    """What an address says: ``nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][?replicas=3][&credentials=PATH]``.

    ``tls://`` for an encrypted connection; a login without ``:`` is a token.

    Raises:
        ServiceInvalid: it is not such an address.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    replicas, credentials = options.pop("replicas", "1"), options.pop("credentials", None)
    login, _, hosts = parts.netloc.rpartition("@")
    if parts.scheme not in ("nats", "tls") or parts.path.strip("/") or not all(map(_is_host, hosts.split(","))):
        raise ServiceInvalid("the address of the cluster's NATS is not right", help="write `nats://HOST:PORT`")
    if replicas not in ("1", "3", "5") or credentials == "" or options:
        raise ServiceInvalid(
            f"the address of the cluster's NATS has options that it cannot have: {parts.query}",
            help="`replicas` is 1, 3 or 5, `credentials` is a path; there are no others",
        )
    user, colon, password = login.partition(":")
    return NatsSettings(
        servers=tuple(f"{parts.scheme}://{host}" for host in hosts.split(",")),
        user=unquote(user) if colon else None,
        password=unquote(password) if colon else None,
        token=unquote(user) if user and not colon else None,
        credentials=credentials,
        replicas=int(replicas),
    )


def _is_host(text: str) -> bool:
    try:
        parts = urlsplit(f"nats://{text}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # no number, or one too large
        return False
