"""HTTP/1.1 requests from bytes, without input or output; llhttp (through httptools) does the parsing.

llhttp is strict by default and refuses what smuggles requests past proxies. It has no limits; they are kept here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from cloudstate.runtime.transport.exchange import HttpRequest
from cloudstate.runtime.transport.limits import Limits

#: Bytes are parsed in pieces of this size, so that one read cannot become thousands of requests.
SLICE = 16 * 1024

_VERSIONS: dict[str, Literal["1.0", "1.1"]] = {"1.0": "1.0", "1.1": "1.1"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A complete request and whether the connection may be used again after it."""

    request: HttpRequest
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing more can be read from a connection: the status that says so, and the reason for the log."""

    status: int
    reason: str


class RequestReader:
    """Feeds on bytes, collects requests. After a refusal it takes nothing more.

    Attributes:
        requests: complete requests that nobody has taken yet.
        refusal: set when the peer sent something that cannot be served.
        in_head: bytes of a head have arrived, the rest has not.
        in_body: a head is complete, its body is not.
        held: bytes of bodies that are held, in the requests and of the one that is not complete.
        expects_continue: the body comes only after the client was told to continue.
    """

    def __init__(self, limits: Limits) -> None:
        self.requests: deque[Incoming] = deque()
        self.refusal: Refusal | None = None
        self.in_head = False
        self.in_body = False
        self.held = 0
        self.expects_continue = False
        self._limits = limits
        self._parser = HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._without_progress = 0

    def feed(self, data: bytes) -> None:
        """Parse at most ``SLICE`` bytes."""
        self._without_progress += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            # The upgrade is declined by answering the request as it is; what follows is the next request.
            self._parser = HttpRequestParser(self)
            rest = data[int(upgrade.args[0]) :]
            if rest:
                self.feed(rest)
            return
        except HttpParserError as error:
            if self.refusal is None:
                self.refusal = Refusal(400, f"malformed request: {error}")
            return
        if self._without_progress > self._limits.max_header_list + SLICE:
            self.refusal = Refusal(431, "the head is too large")

    def take(self) -> Incoming:
        """The oldest complete request."""
        incoming = self.requests.popleft()
        self.held -= len(incoming.request.body)
        return incoming

    # -- called by the parser

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.in_head = True
        self._url = b""
        self._headers = []
        self._head_size = 0
        self._body = []
        self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._url += url
        self._head_size += len(url)
        self._check_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; also called for trailers, which nobody wants."""
        self._head_size += len(name) + len(value) + 4
        self._check_head()
        if self.in_head:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self.in_head = False
        self.in_body = True
        self._without_progress = 0
        version = self._parser.get_http_version()
        hosts = sum(name == "host" for name, _ in self._headers)
        if version not in _VERSIONS:
            self._refuse(505, f"version {version}")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(400, f"{hosts} host headers")
        if self._parser.get_method() == b"CONNECT":
            self._refuse(501, "CONNECT")
        for name, value in self._headers:
            if name == "content-length" and int(value) > self._limits.max_body:
                self._refuse(413, f"a body of {value} bytes")
            if name == "expect" and version == "1.1":
                self._expect(value)

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""
        self._without_progress = 0
        self._body_size += len(chunk)
        self.held += len(chunk)
        if self._body_size > self._limits.max_body:
            self._refuse(413, "the body is too large")
        self._body.append(chunk)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self.in_body = False
        self.expects_continue = False
        self._without_progress = 0
        path, query = split_target(self._url)
        request = HttpRequest(
            self._parser.get_method().decode("ascii"),
            path,
            query,
            tuple(self._headers),
            b"".join(self._body),
            _VERSIONS[self._parser.get_http_version()],
        )
        self._body = []
        self.requests.append(Incoming(request, self._parser.should_keep_alive()))

    # -- limits

    def _expect(self, value: str) -> None:
        if value.lower() != "100-continue":
            self._refuse(417, f"expectation {value[:40]!r}")
        self.expects_continue = True

    def _check_head(self) -> None:
        if self._head_size > self._limits.max_header_list:
            self._refuse(431, "the head is too large")

    def _refuse(self, status: int, reason: str) -> None:
        self.refusal = Refusal(status, reason)
        raise ValueError(reason)  # stops the parser; never leaves ``feed``


def split_target(target: bytes) -> tuple[str, str]:
    """Path and query of a request target; the authority of the absolute form is dropped."""
    text = target.decode("latin-1")
    if not text.startswith("/") and "://" in text:
        _, _, text = text.partition("://")
        slash = text.find("/")
        text = text[slash:] if slash >= 0 else "/"
    path, _, query = text.partition("?")
    return path, query
