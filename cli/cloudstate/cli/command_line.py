"""From arguments to a subcommand, whose module is imported only when it is the one that was asked for."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

#: The subcommands and what they are for; the same text stands in the module as ``HELP``.
SUBCOMMANDS = {
    "init": "write a new project that compiles, runs and passes its own test",
    "add": "add an entity to a service: its .proto file, its class, its test, and its entry in the spec",
    "compile": "check specs and generate code, a service description and manifests from them",
    "check": "check specs, and hold them against what their releases have stored",
    "release": "record what specs store in their lock files, as a version that is shipped",
    "migrate": "make specs of the StatefulServices and StatefulStores of a CloudState operator",
    "run": "serve a compiled service: gRPC and HTTP/JSON on one port",
    "proxy": "serve a user function in any language: gRPC and HTTP/JSON on one port",
    "function": "serve a compiled service's code as a user function, for any CloudState proxy",
    "journal": "look into a journal: entities, events, states, dead letters; export, import and verify it",
    "diff": "show what an apply would change in a Kubernetes cluster",
    "apply": "apply the generated manifests to a Kubernetes cluster, and delete what left the project",
    "verify": "hold what is in a Kubernetes cluster against what was generated",
    "status": "show the workloads of a project in a Kubernetes cluster",
    "lint": "hold finished Kubernetes manifests against rules that their schemas do not have",
    "explain": "explain a finding of the compiler by its code or name",
    "schema": "print the JSON Schema of specs, for editors",
}

_DESCRIPTION = "CloudState in Python: specs in, served stateful entities out."
_EXIT_CODES = "exit codes: 0 ok, 1 findings or drift, 2 usage, 3 environment, 4 breaking change, 70 internal error"
_INTERNAL_ERROR = 70
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    arguments, module = _parse(words)
    try:
        code: int = module.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain of it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        _report(error, words)
        return _INTERNAL_ERROR
    if argv is None:
        gc.freeze()  # the process ends: nobody needs the garbage that Python would look for once more
    return code


def _parse(words: Sequence[str]) -> tuple[argparse.Namespace, ModuleType]:
    parser = argparse.ArgumentParser("cloudstate", description=_DESCRIPTION, epilog=_EXIT_CODES)
    parser.add_argument("--version", action=_Version, help="print the version and leave")
    parser.add_argument("--debug", action="store_true", help="show where the program failed when it does")
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    wanted = next((word for word in words if not word.startswith("-")), None)
    module = ModuleType("nothing")
    # The others are only needed to be listed, and that takes longer than some commands do.
    listed = SUBCOMMANDS if words[:1] != [wanted] or wanted not in SUBCOMMANDS else {wanted: SUBCOMMANDS[wanted]}
    for name, help_ in listed.items():
        subparser = subparsers.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        if name == wanted:
            module = importlib.import_module(f"cloudstate.cli.{name}")
            module.configure(subparser)
    return parser.parse_args(words), module


class _Version(argparse.Action):
    """``--version`` that looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=options.get("help"))

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"cloudstate {version('cloudstate-py')}")
        parser.exit()


def _report(error: Exception, words: Sequence[str]) -> None:
    from importlib.metadata import version

    from cloudstate.compiler.diagnostics import codes

    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "unknown"
    code = codes.INTERNAL_ERROR
    python = ".".join(map(str, sys.version_info[:3]))
    print(
        f"{code.severity}[{code.id}]: {code.template.format(reason=f'{type(error).__name__}: {error}')}\n"
        f"  note: in {where}; cloudstate {version('cloudstate-py')}, Python {python}, {sys.platform}\n"
        f"  note: the command was: cloudstate {' '.join(words)}\n"
        "  help: this is a defect of cloudstate, not of your files; please report it with the lines above\n"
        "        and what `--debug` adds to them",
        file=sys.stderr,
    )
