"""``cloudstate function PROJECT``: serve a compiled service's code as a user function, for any CloudState proxy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cloudstate.cli.listening import print_not_listening
from cloudstate.cli.project import NotCompiled, find_project
from cloudstate.cli.serving import add_address, add_log
from cloudstate.cli.staleness import tell_if_stale

HELP = "serve a compiled service's code as a user function, for any CloudState proxy"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("project", type=Path, metavar="PROJECT", help="the folder with service.yaml")
    add_address(parser, "PORT", 8080)
    parser.add_argument("--unix", metavar="PATH", help="listen on a unix socket instead")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where `cloudstate compile --out` has written")
    add_log(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 1 if the service is not fit, 3 if the machine is not."""
    from cloudstate.runtime.app import FunctionSettings, configure_logs, run_function
    from cloudstate.runtime.errors import ServiceInvalid

    configure_logs(arguments.log_level, arguments.log_format)
    try:
        project = find_project(arguments.project, arguments.out)
        tell_if_stale(arguments.project, arguments.out)
        settings = FunctionSettings(
            generated=project.generated,
            code=project.code,
            host=arguments.host,
            port=arguments.port,
            unix=arguments.unix,
        )
        run_function(settings, lambda address: print(f"function {project.name} on {address}", flush=True))
    except (NotCompiled, ServiceInvalid) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = f"unix:{arguments.unix}" if arguments.unix else f"{arguments.host}:{arguments.port}"
        return print_not_listening(place, error)
    return 0
