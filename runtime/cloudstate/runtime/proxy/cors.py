"""Which web pages may call: cross-origin resource sharing (the Fetch standard), for JSON and gRPC-Web alike.

Off unless origins are given: a page of another origin can then neither read answers nor send JSON.
"""

from __future__ import annotations

from collections.abc import Iterable

from cloudstate.runtime.proxy.transcoding.headers import header
from cloudstate.runtime.transport import HttpExchange

_METHODS = "GET, POST, PUT, PATCH, DELETE"
#: What a page may read of an answer besides its body.
_EXPOSED = "grpc-status, grpc-message"
#: Seconds for which a browser need not ask again.
_MAX_AGE = "600"


class Cors:
    """Answers what browsers ask before a call, and lets pages read answers.

    Args:
        origins: e.g. ``https://shop.example``; ``*`` for every page.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def serve(self, exchange: HttpExchange) -> bool:
        """True if the exchange was a question and is answered. Otherwise its answer may be read by its page."""
        headers = exchange.request.headers
        origin = header(headers, "origin")
        if not origin or not ("*" in self._origins or origin in self._origins):
            return False
        allowed = (("access-control-allow-origin", origin), ("vary", "origin"))
        if exchange.request.method == "OPTIONS" and header(headers, "access-control-request-method"):
            wanted = header(headers, "access-control-request-headers")
            exchange.respond(
                204,
                (
                    *allowed,
                    ("access-control-allow-methods", _METHODS),
                    *((("access-control-allow-headers", wanted),) if wanted else ()),
                    ("access-control-max-age", _MAX_AGE),
                ),
            )
            return True
        exchange.always = (*allowed, ("access-control-expose-headers", _EXPOSED))
        return False
