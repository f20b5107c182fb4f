"""``cloudstate run PROJECT``: serve a compiled service, with its state in an embedded journal."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cloudstate.cli.project import NotCompiled, find_project
from cloudstate.cli.serving import add_address, add_front_door, add_log

HELP = "serve a compiled service: gRPC and HTTP/JSON on one port"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("project", type=Path, metavar="PROJECT", help="the folder with service.yaml")
    add_address(parser, "HTTP_PORT", 9000)
    parser.add_argument(
        "--journal",
        metavar="URL",
        default=os.environ.get("CLOUDSTATE_JOURNAL"),
        help="memory:, sqlite:PATH, postgresql://... or nats://... (default: $CLOUDSTATE_JOURNAL, or what the spec's "
        "store says; sqlite keeps PROJECT/.cloudstate/NAME.db)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where `cloudstate compile --out` has written")
    add_front_door(parser)
    add_log(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 1 if the service is not fit, 3 if the machine is not."""
    from cloudstate.runtime.app import Settings, configure_logs, run
    from cloudstate.runtime.errors import ServiceInvalid
    from cloudstate.runtime.journal.errors import JournalError

    configure_logs(arguments.log_level, arguments.log_format)
    try:
        project = find_project(arguments.project, arguments.out)
        settings = Settings(
            generated=project.generated,
            code=project.code,
            host=arguments.host,
            metrics_port=arguments.metrics_port,
            origins=tuple(arguments.cors_origin),
            broker=arguments.broker,
            traces=arguments.traces,
            port=arguments.port,
            journal=arguments.journal,
        )
        run(settings, lambda address: print(f"serving {project.name} on {address}", flush=True))
    except (NotCompiled, ServiceInvalid) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except JournalError as error:
        print(f"error: the journal cannot be used: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"error: {arguments.host}:{arguments.port}: {error.strerror or error}", file=sys.stderr)
        return 3
    return 0
