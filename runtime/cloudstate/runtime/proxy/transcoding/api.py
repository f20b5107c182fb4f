"""The HTTP/JSON face of a service (protocol.md section 2.4).

Every method can be called by its google.api.http rule and by ``POST /<package.Service>/<Method>``. The reference offers
the latter for methods without a rule only; here all have it, because it shows nothing that gRPC on the same port does
not show under the same path, and a client need not know which methods have rules. It is added first, so rules win.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.host import Request, Router
from cloudstate.runtime.proxy.transcoding.binding import Binding, service_bindings
from cloudstate.runtime.proxy.transcoding.call import UnaryCall, run_streamed
from cloudstate.runtime.proxy.transcoding.failure import (
    RequestRefused,
    WriteFailure,
    write_failure,
    write_refusal,
)
from cloudstate.runtime.proxy.transcoding.headers import header, request_metadata
from cloudstate.runtime.proxy.transcoding.json_decoder import JsonDecoder
from cloudstate.runtime.proxy.transcoding.json_encoder import JsonEncoder
from cloudstate.runtime.proxy.transcoding.request import request_payload
from cloudstate.runtime.proxy.transcoding.response import ReplyRenderer
from cloudstate.runtime.proxy.transcoding.routes import Found, OtherMethods, PathMalformed, Routes
from cloudstate.runtime.transport import HttpExchange


@dataclass(frozen=True, slots=True)
class _Route:
    binding: Binding
    renderer: ReplyRenderer


class HttpApi:
    """Serves a service's commands to HTTP clients."""

    def __init__(
        self, description: ServiceDescription, router: Router, timeout: float, fail: WriteFailure = write_failure
    ) -> None:
        """Build the routes.

        Args:
            timeout: seconds after which a call without a reply is answered with 504.
            fail: answers calls that fail.

        Raises:
            ServiceInvalid: a google.api.http rule is wrong; the text starts with ``HTTP API Config: ``.
        """
        self._router = router
        self._timeout = timeout
        self._fail = fail
        self._decoder = JsonDecoder(description.schema.pool)
        self._routes: Routes[_Route] = Routes()
        self._tasks: set[asyncio.Task[None]] = set()
        encoder = JsonEncoder(description.schema.pool)
        for binding in service_bindings(description):
            self._routes.add(binding.method, binding.template, _Route(binding, ReplyRenderer(binding, encoder)))

    def serve(self, exchange: HttpExchange) -> bool:
        """Answer the exchange, now or later; False if no route takes its path."""
        try:
            return self._serve(exchange)
        except RequestRefused as refused:
            write_refusal(exchange, refused)
            return True

    def _serve(self, exchange: HttpExchange) -> bool:
        request = exchange.request
        try:
            found = self._routes.find(request.method, request.path)
        except PathMalformed as error:
            raise RequestRefused(400, str(error)) from None
        if isinstance(found, OtherMethods):
            if not found.methods:
                return False
            allowed = ", ".join(sorted(found.methods))
            raise RequestRefused(
                405, f"`{request.path}` takes {allowed}, not {request.method}", headers=(("allow", allowed),)
            )
        self._call(exchange, found)
        return True

    def _call(self, exchange: HttpExchange, found: Found[_Route]) -> None:
        request = exchange.request
        binding, renderer = found.target.binding, found.target.renderer
        content_type = header(request.headers, "content-type")
        payload = request_payload(binding, found.path, request.query, content_type, request.body, self._decoder)
        loop = asyncio.get_running_loop()
        metadata = request_metadata(request.headers)
        deadline = loop.time() + self._timeout
        if binding.is_unary:
            call = UnaryCall(exchange, renderer, self._fail)
            call.start(self._router, Request(binding.service, binding.command, payload, metadata, deadline))
            return
        opening = Request(binding.service, binding.command, b"", metadata, deadline)
        task = loop.create_task(
            run_streamed(exchange, renderer, self._router, opening, payload, binding.server_streaming, self._fail)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        exchange.on_cancel = task.cancel  # type: ignore[assignment]
