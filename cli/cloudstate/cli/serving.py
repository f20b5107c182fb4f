"""The arguments that all commands share which serve something."""

from __future__ import annotations

import argparse
import os
import re

_LARGEST = 65_535
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]+")


def port(text: str) -> int:
    """A TCP port, or 0 for a free one; for ``type=`` of an argument.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST):
        raise argparse.ArgumentTypeError(f"`{text}` is not a port, a number from 0 to {_LARGEST}")
    return int(text)


def origin(text: str) -> str:
    """What browsers send as ``Origin``, or ``*``; for ``type=`` of an argument.

    Raises:
        argparse.ArgumentTypeError: it is none, so that no page could ever call.
    """
    if text not in ("*", "null") and _ORIGIN.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not an origin: write https://HOST or http://HOST:PORT, no path")
    return text


def add_address(parser: argparse.ArgumentParser, variable: str, usual: int) -> None:
    """``--host`` and ``--port``; ``variable`` is where the environment has the port, ``usual`` what it is otherwise."""
    parser.add_argument(
        "--host",
        default=os.environ.get("HOST", "127.0.0.1"),
        help="the address to listen on (default: $HOST, now %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=os.environ.get(variable, str(usual)),
        help=f"the port to listen on; 0 picks a free one (default: ${variable}, now %(default)s)",
    )


def add_front_door(parser: argparse.ArgumentParser) -> None:
    """What only those have who serve clients: ``--cluster``, ``--cors-origin``, ``--broker``, and where to look on."""
    parser.add_argument(
        "--cluster",
        metavar="URL",
        default=os.environ.get("CLOUDSTATE_CLUSTER"),
        help="serve together with others: nats://HOST:PORT[?replicas=3] (default: $CLOUDSTATE_CLUSTER, or alone)",
    )
    parser.add_argument(
        "--cors-origin",
        action="append",
        type=origin,
        default=[],
        metavar="ORIGIN",
        help="a web page's origin that may call, e.g. https://shop.example; * for all; may be given several times",
    )
    parser.add_argument(
        "--broker",
        default=os.environ.get("CLOUDSTATE_BROKER"),
        metavar="URL",
        help="where topics are: `nats://HOST:PORT`; `memory:` for development (default: $CLOUDSTATE_BROKER, or none)",
    )
    parser.add_argument(
        "--traces",
        default=os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or None,
        metavar="HOST:PORT",
        help="an OpenTelemetry collector for spans, over gRPC (default: $OTEL_EXPORTER_OTLP_ENDPOINT, or none)",
    )
    parser.add_argument(
        "--metrics-port",
        type=port,
        default=os.environ.get("METRICS_PORT"),
        help="serve metrics, /ready and /alive on this port (default: $METRICS_PORT, or nowhere)",
    )


def add_log(parser: argparse.ArgumentParser) -> None:
    """``--log-level`` and ``--log-format``."""
    parser.add_argument(
        "--log-level",
        type=str.upper,
        default="INFO",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        help="the least level that the log shows (default: %(default)s)",
    )
    parser.add_argument(
        "--log-format",
        default="text",
        choices=["text", "json"],
        help="lines for people or JSON objects (default: %(default)s)",
    )
