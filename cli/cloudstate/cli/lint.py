"""``cloudstate lint PATH...``: hold finished Kubernetes manifests against our rules, whoever wrote them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.cli.findings import add_format, add_judgement, judged, print_findings, stops
from cloudstate.cli.kubernetes_versions import add_target, minor_of

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic
    from cloudstate.compiler.rules import Manifests
    from cloudstate.compiler.source import Node, Problem, Source

HELP = "hold finished Kubernetes manifests against rules that their schemas do not have"

_STDIN = "-"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a YAML file, a folder of such files, or - for standard input, as in `kubectl kustomize . | cloudstate "
        "lint -`; all of them are one set of manifests",
    )
    add_format(parser)
    add_judgement(parser, also_errors=True)
    add_target(parser, "the oldest Kubernetes that the manifests are for (default: that of specs, 1.30)")
    parser.add_argument("--digests", action="store_true", help="warn of images that are not pinned by a digest")
    parser.add_argument(
        "--against", metavar="PATH", help="manifests that are applied already: tell what cannot be changed in them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check. Returns the exit code: 1 if there are errors."""
    from cloudstate.compiler import rules

    found: list[Diagnostic] = []
    manifests = _read(arguments.paths, arguments, found)
    applied = None if arguments.against is None else _read([arguments.against], arguments, found)
    found += rules.check(manifests, applied)
    found = judged(sorted(found, key=lambda it: it.sort_key), arguments, lambda it: False)
    print_findings(found, arguments.format)
    if arguments.format == "text" and not found:
        print(f"{len(manifests.objects)} objects: nothing to object to")
    return 1 if stops(found, arguments) else 0


def _read(paths: Sequence[str], arguments: argparse.Namespace, found: list[Diagnostic]) -> Manifests:
    """The manifests in files; what cannot be read is added to ``found``."""
    from cloudstate.compiler.rules import Manifests
    from cloudstate.compiler.source.yaml_nodes import parse_all

    nodes: list[Node] = []
    for source in _sources(paths, found):
        documents, problems = parse_all(source)
        nodes += documents
        found += (_told(it) for it in problems if it.kind.name != "EMPTY")
    return Manifests.of_nodes(nodes, minor_of(arguments), arguments.digests)


def _sources(paths: Sequence[str], found: list[Diagnostic]) -> Iterator[Source]:
    from cloudstate.compiler.diagnostics import codes
    from cloudstate.compiler.source import Source, Span

    for path in (file for it in paths for file in _files(it)):
        try:
            content = sys.stdin.buffer.read() if path == _STDIN else Path(path).read_bytes()
            yield Source(path if path != _STDIN else "standard input", content.decode("utf-8"))
        except UnicodeDecodeError:
            found.append(codes.NOT_UTF8.at(Span(Source(path)), path=path).help("write it in UTF-8"))
        except OSError as error:
            at = codes.UNREADABLE_FILE.at(Span(Source(path)), path=path, reason=error.strerror or str(error))
            found.append(at.help("name a file that can be read"))


def _files(path: str) -> list[str]:
    if path == _STDIN or not Path(path).is_dir():
        return [path]
    return sorted(it.as_posix() for suffix in ("*.yaml", "*.yml") for it in Path(path).rglob(suffix))


def _told(problem: Problem) -> Diagnostic:
    from cloudstate.compiler.diagnostics import codes

    if problem.related is not None:
        found = codes.DUPLICATE_KEY.at(problem.span, "again here", key=problem.text)
        return found.also(problem.related, "first here").help("remove one of them")
    return codes.YAML_SYNTAX.at(problem.span, reason=problem.text).help("write it as YAML")
