"""Calls in, calls out: gRPC and HTTP on one port, on a network that may be hostile.

``Server`` accepts connections and finds out what they speak (``sniff``); ``http2`` and ``http1`` drive them; ``wire``
is gRPC without input and output. ``Channel`` is the client. What a peer may take is in ``limits``. Start reading at
``server``.
"""

from cloudstate.runtime.transport.channel import CLIENT_LIMITS, Channel
from cloudstate.runtime.transport.context import Method, StreamMethod, UnaryMethod
from cloudstate.runtime.transport.exchange import HttpExchange, HttpRequest
from cloudstate.runtime.transport.http2.client_duplex import Duplex
from cloudstate.runtime.transport.http2.client_stream import ClientStream
from cloudstate.runtime.transport.http2.client_unary import Outcome, OutgoingUnary, Reply
from cloudstate.runtime.transport.http2.stream import StreamCall
from cloudstate.runtime.transport.http2.unary import UnaryCall
from cloudstate.runtime.transport.limits import Limits
from cloudstate.runtime.transport.server import Server
from cloudstate.runtime.transport.wire.status import CallFailed, Status

__all__ = [
    "CLIENT_LIMITS",
    "CallFailed",
    "Channel",
    "ClientStream",
    "Duplex",
    "HttpExchange",
    "HttpRequest",
    "Limits",
    "Method",
    "Outcome",
    "OutgoingUnary",
    "Reply",
    "Server",
    "Status",
    "StreamCall",
    "StreamMethod",
    "UnaryCall",
    "UnaryMethod",
]
