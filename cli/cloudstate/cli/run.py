"""``cloudstate run PROJECT``: serve a compiled service, with its state in an embedded journal."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cloudstate.cli.listening import print_not_listening
from cloudstate.cli.project import NotCompiled, Project, find_project
from cloudstate.cli.serving import add_address, add_front_door, add_log
from cloudstate.cli.staleness import tell_if_stale

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
    parser.add_argument(
        "--workers",
        type=int,
        choices=range(1, 65),
        default=1,
        metavar="N",
        help="processes that serve together on one port of this machine (default: %(default)s)",
    )
    parser.add_argument("--worker-of", type=int, default=0, help=argparse.SUPPRESS)
    add_front_door(parser)
    add_log(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 1 if the service is not fit, 3 if the machine is not."""
    from cloudstate.runtime.app import Clustered, Settings, configure_logs, run
    from cloudstate.runtime.cluster.engine import EngineUnavailable
    from cloudstate.runtime.errors import ServiceInvalid
    from cloudstate.runtime.journal.errors import JournalError

    configure_logs(arguments.log_level, arguments.log_format)
    try:
        project = find_project(arguments.project, arguments.out)
        if not arguments.worker_of:
            tell_if_stale(arguments.project, arguments.out)
        if arguments.workers > 1:
            return _run_workers(arguments, project)
        if arguments.worker_of:
            from cloudstate.runtime.app.workers import end_with_parent

            end_with_parent()
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
            cluster=Clustered(arguments.cluster, arguments.worker_of) if arguments.cluster else None,
            reuse_port=arguments.worker_of > 0,
        )
        run(settings, lambda address: print(f"serving {project.name} on {address}", flush=True))
    except (NotCompiled, ServiceInvalid) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except JournalError as error:
        print(f"error: the journal cannot be used: {error}", file=sys.stderr)
        return 3
    except EngineUnavailable as error:
        print(f"error: the cluster cannot be joined: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        return print_not_listening(f"{arguments.host}:{arguments.port}", error)
    return 0


def _run_workers(arguments: argparse.Namespace, project: Project) -> int:
    from cloudstate.runtime.app import default_journal
    from cloudstate.runtime.app.workers import Workers, run_workers
    from cloudstate.runtime.description import load

    journal = arguments.journal or default_journal(load(project.generated), project.code)
    command = [sys.executable, "-m", "cloudstate.cli", "run", str(arguments.project), "--host", arguments.host]
    command += ["--journal", journal, "--log-level", arguments.log_level, "--log-format", arguments.log_format]
    for option in ("out", "broker", "traces"):
        if getattr(arguments, option) is not None:
            command += [f"--{option}", str(getattr(arguments, option))]
    for origin in arguments.cors_origin:
        command += ["--cors-origin", origin]
    workers = Workers(
        count=arguments.workers,
        command=tuple(command),
        host=arguments.host,
        port=arguments.port,
        journal=journal,
        cluster=arguments.cluster,
        metrics_port=arguments.metrics_port,
    )
    return run_workers(workers, lambda address: print(f"serving {project.name} on {address}", flush=True))
