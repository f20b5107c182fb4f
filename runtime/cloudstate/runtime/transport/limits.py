"""Every bound that the transport keeps, in one place. Sizes are bytes, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may take. The defaults suit a server that strangers can reach.

    Attributes:
        max_message: largest gRPC message received, also after decompression.
        max_body: largest HTTP request body.
        max_header_list: largest header list (names, values and 32 bytes a field); over HTTP/1.1 the bytes of the head.
        max_concurrent_streams: calls that one HTTP/2 connection may have open.
        max_connections: connections of one server; more are closed at once.
        max_buffered: unfinished request messages and bodies of one server, summed; beyond it large calls are refused.
        max_queued: replies that may wait on one connection for a client that does not read; new calls are refused then.
        max_pending: calls that one channel may have open or waiting for the server's stream limit.
        stream_window: what a peer may send on one HTTP/2 stream before the receiver has consumed any of it.
        connection_window: the same for one HTTP/2 connection.
        send_buffer: what a sender may queue on one stream before ``send`` waits.
        write_buffer: what may wait for one socket before its senders wait.
        header_timeout: to send the first bytes, a whole HTTP/1.1 head, and the rest of an HTTP/2 frame or header block
            while no call is open.
        body_timeout: without any progress of an HTTP/1.1 request body, or of an HTTP/2 frame while calls are open.
        idle_timeout: a connection without calls is closed after it.
        keepalive_interval: an HTTP/2 peer that was quiet for this long is pinged.
        keepalive_timeout: and is closed when it then stays quiet for this long.
        stall_timeout: a peer that does not read its socket is closed after it.
        reset_burst: stream resets that one connection may send in a burst.
        reset_rate: and per second after that.
        max_control_frames: pings and settings that one HTTP/2 connection may send between two looks, a second at most.
        max_pipelined: HTTP/1.1 requests that one connection may have waiting.
        gzip_threshold: replies of at least this size are compressed for clients that accept it; None: never.
    """

    max_message: int = 12 * MIB
    max_body: int = 12 * MIB
    max_header_list: int = 16 * KIB
    max_concurrent_streams: int = 1000
    max_connections: int = 10_000
    max_buffered: int = 512 * MIB
    max_queued: int = 64 * MIB
    max_pending: int = 100_000
    stream_window: int = 256 * KIB
    connection_window: int = 8 * MIB
    send_buffer: int = 128 * KIB
    write_buffer: int = 256 * KIB
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 300.0
    keepalive_interval: float = 60.0
    keepalive_timeout: float = 20.0
    stall_timeout: float = 60.0
    reset_burst: int = 1000
    reset_rate: int = 33
    max_control_frames: int = 5000
    max_pipelined: int = 32
    gzip_threshold: int | None = None
