"""The server's end of an HTTP/2 connection: which request becomes which call, keepalive, and how it ends."""

from __future__ import annotations

import logging
from functools import partial

from ngh2 import (
    ConnectionClosed,
    DataReceived,
    Event,
    PingAcknowledged,
    PingReceived,
    RequestReceived,
    Role,
    Setting,
    SettingsReceived,
    StreamClosed,
    TrailersReceived,
)

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.context import Method, ServerContext, UnaryMethod
from cloudstate.runtime.transport.http2.session import LINGER, Session
from cloudstate.runtime.transport.http2.stream import StreamCall
from cloudstate.runtime.transport.http2.unary import BAD_METADATA, BROKEN, EXPIRED, UnaryCall
from cloudstate.runtime.transport.http2.watch import Watch
from cloudstate.runtime.transport.http2.web import WebStream
from cloudstate.runtime.transport.wire.head import (
    PLAIN_GRPC,
    REPLY_HEAD,
    Content,
    accepts_gzip,
    checked_encoding,
    classify,
    header_list_size,
)
from cloudstate.runtime.transport.wire.metadata import Field, decode_metadata, encode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status, status_headers
from cloudstate.runtime.transport.wire.timeout import parse_timeout

log = logging.getLogger("cloudstate.runtime.transport")

Stream = UnaryCall | StreamCall | WebStream

_CONTINUE = ((b":status", b"100"),)
_DRAIN_PING = b"draining"
_PROTOCOL_ERROR = 0x1
_NO_DEADLINE = 30 * 86_400.0  # a timeout of a month or more is none
_DEAF = Status(StatusCode.RESOURCE_EXHAUSTED, "too many replies wait for this client to read them")
_HEAD_TOO_LARGE = Status(StatusCode.RESOURCE_EXHAUSTED, "the request's headers are larger than the limit")


class ServerSession(Session):
    """One accepted HTTP/2 connection."""

    def __init__(self, context: ServerContext) -> None:
        super().__init__(Role.SERVER, context.limits, context.loop)
        self.context = context
        self._streams: dict[int, Stream] = {}
        self._last_stream = 0
        self._opened_at = context.loop.time()
        self._watch = Watch(self._opened_at)
        self._settled = False
        self._control_frames = 0

    def _settings(self) -> dict[int, int]:
        return {**super()._settings(), Setting.MAX_CONCURRENT_STREAMS: self.limits.max_concurrent_streams}

    def take(self, amount: int) -> bool:
        """Memory for unfinished messages is shared by all connections."""
        return self.context.take(amount)

    # -- events

    def _dispatch(self, events: list[Event]) -> None:
        streams = self._streams
        for event in events:
            if isinstance(event, DataReceived):
                stream_id = event.stream_id
                data = event.data
                stream = streams.get(stream_id)
                if stream is None:
                    self.release(len(data), stream_id)
                    continue
                if data and stream.returns_window_at_once:
                    self.acknowledge(len(data), stream_id)
                stream.received(data, event.end_stream)
            elif isinstance(event, RequestReceived):
                self._request(event)
            elif isinstance(event, StreamClosed):
                stream = streams.pop(event.stream_id, None)
                if stream is None or not stream.done:
                    self._unanswered(stream, event.error_code)
            else:
                self._rare(event)

    def _unanswered(self, stream: Stream | None, error_code: int) -> None:
        """A stream ended before its call did, or without having become one."""
        if error_code == _PROTOCOL_ERROR:
            self.refused(stream.path if stream else "", "malformed HTTP/2 headers or content length")
        if stream is not None:
            stream.gone()

    def _rare(self, event: Event) -> None:
        match event:
            case TrailersReceived():
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.received(b"", True)
            case SettingsReceived():
                self._settled = True
                self._count_control_frame()
            case PingReceived():
                self._count_control_frame()
            case PingAcknowledged() if event.opaque_data == _DRAIN_PING:
                self.say(self.h2.send_goaway, 0)
            case ConnectionClosed():
                self._connection_closed(event)
            case _:
                pass

    def _count_control_frame(self) -> None:
        """Frames that only want an answer are cheap to send; nobody needs thousands of them in a second."""
        self._control_frames += 1
        if self._control_frames > self.limits.max_control_frames:
            self.abandon("too many pings or settings")

    def _request(self, event: RequestReceived) -> None:
        stream_id = self._last_stream = event.stream_id
        headers = event.headers
        fields = dict(headers)
        if fields.get(b"content-type") not in PLAIN_GRPC:
            content = classify(fields.get(b"content-type", b""))
            if content is not Content.GRPC:
                self._web_request(event, fields, content)
                return
        try:
            if header_list_size(headers, fields) > self.limits.max_header_list:
                raise CallFailed(_HEAD_TOO_LARGE)
            call = self._call(stream_id, fields, headers)
        except CallFailed as failure:
            if failure.status_value is not EXPIRED:
                self.refused(fields.get(b":path", b"").decode("latin-1"), str(failure))
            self.send_status(stream_id, failure.status_value, (), unread=not event.end_stream)
            return
        self._streams[stream_id] = call
        if event.end_stream:
            call.received(b"", True)

    def _call(self, stream_id: int, fields: dict[bytes, bytes], headers: tuple[Field, ...]) -> UnaryCall | StreamCall:
        path = fields.get(b":path", b"").decode("latin-1")
        method = self._method(path)
        call: UnaryCall | StreamCall
        if isinstance(method, UnaryMethod):
            call = UnaryCall(self, stream_id, path, headers, method.handle)
        elif method is None:
            raise CallFailed(Status(StatusCode.UNIMPLEMENTED, f"unknown method {path[:200]}"))
        else:
            call = StreamCall(self, stream_id, path, headers, method.handle)
        if fields[b":method"] != b"POST":
            raise CallFailed(Status(StatusCode.INTERNAL, "gRPC requests use POST"))
        if b"grpc-encoding" in fields:
            call.encoding = checked_encoding(fields[b"grpc-encoding"])
        if self.limits.gzip_threshold is not None:
            call.gzip = accepts_gzip(fields.get(b"grpc-accept-encoding", b""))
        if b"grpc-timeout" in fields:
            self._limit_time(call, parse_timeout(fields[b"grpc-timeout"]))
        if isinstance(call, StreamCall):
            call.begin()
        return call

    def _method(self, path: str) -> Method | None:
        if self.h2.queued_body_size() > self.limits.max_queued:
            raise CallFailed(_DEAF)
        try:
            return self.context.methods(path)
        except Exception:
            log.exception("looking a method up failed", extra={"path": path})
            raise CallFailed(BROKEN) from None

    def _limit_time(self, call: UnaryCall | StreamCall, timeout: float) -> None:
        if timeout <= 0:
            raise CallFailed(EXPIRED)
        if timeout < _NO_DEADLINE:
            call.deadline, call.slot = self.context.deadlines.add(call, timeout)

    def _web_request(self, event: RequestReceived, fields: dict[bytes, bytes], content: Content) -> None:
        stream = WebStream(self, event.stream_id, event.headers)
        self._streams[event.stream_id] = stream
        if b":path" not in fields:
            stream.refuse(501)  # CONNECT
        elif content is Content.UNSUPPORTED:
            stream.refuse(415)
        elif header_list_size(event.headers, fields) > self.limits.max_header_list:
            stream.refuse(431)
        elif int(fields.get(b"content-length", b"0")) > self.limits.max_body:
            stream.refuse(413)
        elif event.end_stream:
            stream.received(b"", True)
        elif fields.get(b"expect") == b"100-continue":
            self.say(self.h2.send_informational_response, event.stream_id, _CONTINUE)

    # -- answers

    def metadata(self, path: str, fields: tuple[Field, ...]) -> Metadata:
        """The custom metadata of a call.

        Raises:
            CallFailed: when it is malformed; logged.
        """
        try:
            return decode_metadata(fields)
        except CallFailed as failure:
            self.refused(path, str(failure))
            raise

    def refused(self, path: str, reason: str) -> None:
        """Log a call that its handler never saw because of what the client sent."""
        log.info("call refused: %s", reason, extra={"peer": self.peer, "path": path[:200]})

    def send_status(self, stream_id: int, status: Status, trailers: Metadata, *, unread: bool) -> None:
        """Answer a call with nothing but a status; ``unread`` when the client has not finished its request."""
        try:
            extra = encode_metadata(trailers)
        except ValueError as error:
            log.error("trailers refused: %s", error)
            status, extra = BAD_METADATA, []
        self.try_respond(stream_id, [*REPLY_HEAD, *status_headers(status), *extra], end=True)
        if unread:
            self.reset_when_answered(stream_id)

    def try_respond(self, stream_id: int, head: list[Field], *, end: bool = False) -> None:
        """Queue response headers, unless the stream has gone."""
        self.say(partial(self.h2.send_response, stream_id, head, end_stream=end))

    def try_end(self, stream_id: int, trailers: list[Field]) -> None:
        """Queue trailers, unless the stream has gone."""
        self.say(self.h2.send_trailers, stream_id, trailers)

    # -- the life of the connection

    def tick(self, now: float) -> None:
        """Close a connection that is stuck, silent or idle; ping one that was quiet."""
        if self._closing:
            if now - self._watch.closing_since(now) > LINGER:
                self.abort()
            return
        if not self._settled and now - self._opened_at > self.limits.header_timeout:
            self.abandon("no HTTP/2 settings in time", 0x4)
            return
        self._watch.observe(
            now,
            heard=self._heard,
            unfinished=self._unfinished,
            paused=self._paused,
            busy=bool(self._streams),
            seen=self._last_stream,
        )
        self._heard = False
        self._control_frames = 0
        if not self.repair_window():
            self.drain()
        self._judge(now)

    def _judge(self, now: float) -> None:
        limits, watch = self.limits, self._watch
        if now - watch.paused_since > limits.stall_timeout:
            self.abandon("the peer does not read")
        elif now - watch.quiet_since > limits.keepalive_interval + limits.keepalive_timeout:
            self.abandon("the peer does not answer pings")
        elif now - watch.between_at > (limits.body_timeout if self._streams else limits.header_timeout):
            self.abandon("a frame or a header block was not finished in time")
        elif now - watch.busy_at > limits.idle_timeout:
            self.drain()
        elif (watch.between_at < now or now - watch.quiet_since > limits.keepalive_interval) and not watch.pinged:
            watch.pinged = True  # a peer that is between frames answers, whatever it was that it sent
            self.say(self.h2.ping, b"keepaliv")

    def drain(self) -> None:
        """Ask the client to make no new calls; once it knows, later ones are refused and the connection ends."""
        if self._closing or self._watch.draining:
            return
        self._watch.draining = True
        self.say(self.h2.send_shutdown_notice)
        self.say(self.h2.ping, _DRAIN_PING)

    def cut(self) -> None:
        """Cancel what runs, say goodbye, close."""
        if self._closing:
            self.abort()
            return
        for stream in list(self._streams.values()):
            stream.gone()
        self.say(self.h2.terminate_connection, 0)
        self._flush()
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits is told; that the peer left in the middle of a frame is logged."""
        if self._unfinished and not self._closing:
            log.info("the peer left in the middle of an HTTP/2 frame", extra={"peer": self.peer})
        super().connection_lost(exc)

    def _ended(self) -> None:
        self.context.lost(self)
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.gone()
