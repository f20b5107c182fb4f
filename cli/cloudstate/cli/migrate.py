"""``cloudstate migrate FILE...``: specs of what a CloudState operator was told, and what they cannot say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.cli.findings import ENVIRONMENT, print_findings
from cloudstate.cli.schema import schema_text

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic
    from cloudstate.compiler.migration import Migrated

HELP = "make specs of the StatefulServices and StatefulStores of a CloudState operator"

_FINDINGS = 1
_SPEC = "service.yaml"
_PROTOS = "protos"
_SCHEMA = "spec.schema.json"
#: Its author has to go on with the spec, so the editor should know what may stand there.
_HEADER = f"# yaml-language-server: $schema={_SCHEMA}\n"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a YAML file with documents of the operator"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write DIR/NAME/service.yaml for each service (default: print them)",
    )
    parser.add_argument("--strict", action="store_true", help="let warnings count as errors: then nothing is written")
    parser.add_argument(
        "--format",
        choices=["text", "json", "github", "sarif"],
        default="text",
        help="how to print findings: text goes to stderr, the others to stdout, without specs (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert. Returns the exit code: 1 if something cannot be converted or is in the way, 3 if it
    cannot be written."""
    from cloudstate.compiler.diagnostics import Severity
    from cloudstate.compiler.migration import in_the_way

    out: Path | None = arguments.out
    migrated = _migrated(arguments.files, out)
    found = list(migrated.findings)
    files = {out / name / _SPEC: f"{_HEADER}{text}" for name, text in migrated.specs.items()} if out else {}
    found += [in_the_way(path.as_posix()) for path, text in files.items() if _is_other(path, text)]
    stops = {Severity.ERROR, Severity.WARNING} if arguments.strict else {Severity.ERROR}
    failed = any(it.severity in stops for it in found)
    print_findings(found, arguments.format)
    if failed:
        return _FINDINGS
    if out is not None:
        return _write(files)
    if arguments.format == "text":
        print("---\n".join(migrated.specs.values()), end="")
    return 0


def _migrated(files: list[Path], out: Path | None) -> Migrated:
    from cloudstate.compiler.frontend.files import read_source
    from cloudstate.compiler.inputs import shown
    from cloudstate.compiler.migration import migrate
    from cloudstate.compiler.source import Source

    read = [read_source(file, shown(file)) for file in dict.fromkeys(files)]
    broken: list[Diagnostic] = [it for it in read if not isinstance(it, Source)]
    return migrate([it for it in read if isinstance(it, Source)], lambda name: _protos(out, name), broken)


def _protos(out: Path | None, name: str) -> list[str]:
    """The .proto files that lie where the spec of a service will look for them."""
    folder = (out or Path()) / name / _PROTOS
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.proto"))


def _is_other(path: Path, text: str) -> bool:
    """Whether something stands there that somebody could miss."""
    return path.exists() and not (path.is_file() and path.read_bytes() == text.encode())


def _write(files: dict[Path, str]) -> int:
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            if not path.with_name(_SCHEMA).exists():
                path.with_name(_SCHEMA).write_text(schema_text(), encoding="utf-8")
            print(f"wrote {path}")
    except OSError as error:
        help_ = "name another folder with `--out`"
        print(f"error: cannot write `{error.filename}`: {error.strerror}\n  help: {help_}", file=sys.stderr)
        return ENVIRONMENT
    return 0
