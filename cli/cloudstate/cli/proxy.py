"""``cloudstate proxy``: serve a user function that runs in a process of its own, in any language."""

from __future__ import annotations

import argparse
import os
import sys

from cloudstate.cli.listening import print_not_listening
from cloudstate.cli.serving import add_address, add_front_door, add_log

HELP = "serve a user function in any language: gRPC and HTTP/JSON on one port"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    where = f"{os.environ.get('USER_FUNCTION_HOST', '127.0.0.1')}:{os.environ.get('USER_FUNCTION_PORT', '8080')}"
    parser.add_argument(
        "--user-function",
        default=where,
        metavar="HOST:PORT|unix:PATH",
        help="where the function listens (default: $USER_FUNCTION_HOST:$USER_FUNCTION_PORT, now %(default)s)",
    )
    add_address(parser, "HTTP_PORT", 9000)
    parser.add_argument(
        "--journal",
        metavar="URL",
        default=os.environ.get("CLOUDSTATE_JOURNAL", "memory:"),
        help="memory:, sqlite:PATH, postgresql://... or nats://... (default: $CLOUDSTATE_JOURNAL, or memory:, which "
        "ends with the process)",
    )
    parser.add_argument(
        "--compat",
        choices=["none", "reference"],
        default="none",
        help="`reference`: behave as the reference where its own compatibility kit looks (default: %(default)s)",
    )
    parser.add_argument(
        "--no-version-check", action="store_true", help="serve functions of other versions of the protocol, too"
    )
    add_front_door(parser)
    add_log(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 1 if the function is not fit, 3 if the machine is not."""
    from cloudstate.runtime import compat
    from cloudstate.runtime.app import Clustered, ProxySettings, configure_logs, run_proxy
    from cloudstate.runtime.cluster.engine import EngineUnavailable
    from cloudstate.runtime.errors import ServiceInvalid
    from cloudstate.runtime.journal.errors import JournalError

    configure_logs(arguments.log_level, arguments.log_format)
    settings = ProxySettings(
        function=arguments.user_function,
        host=arguments.host,
        metrics_port=arguments.metrics_port,
        origins=tuple(arguments.cors_origin),
        broker=arguments.broker,
        traces=arguments.traces,
        cluster=Clustered(arguments.cluster) if arguments.cluster else None,
        port=arguments.port,
        journal=arguments.journal,
        check_version=not arguments.no_version_check,
        compat=compat.REFERENCE if arguments.compat == "reference" else compat.NONE,
    )
    if settings.journal == "memory:":
        print("warning: the journal is in memory, its data ends with this process (see --journal)", file=sys.stderr)
    try:
        run_proxy(settings, lambda address: print(f"serving {settings.function} on {address}", flush=True))
    except ServiceInvalid as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except JournalError as error:
        print(f"error: the journal cannot be used: {error}", file=sys.stderr)
        return 3
    except EngineUnavailable as error:
        print(f"error: the cluster cannot be joined: {error}", file=sys.stderr)
        return 3
    except ValueError as error:
        print(f"error: --user-function: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        return print_not_listening(f"{settings.host}:{settings.port}", error)
    return 0
