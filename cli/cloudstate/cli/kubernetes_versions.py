"""The Kubernetes that manifests are for, as an argument."""

from __future__ import annotations

import argparse

_FIRST, _LAST = 29, 37
_DEFAULT = 30


def add_target(parser: argparse.ArgumentParser, help_: str) -> None:
    """Declare ``--target-k8s``."""
    parser.add_argument("--target-k8s", type=_version, metavar="1.N", help=help_)


def minor_of(arguments: argparse.Namespace) -> int:
    """The second number of the version that is meant."""
    return int(arguments.target_k8s.partition(".")[2]) if arguments.target_k8s else _DEFAULT


def _version(text: str) -> str:
    known = [f"1.{minor}" for minor in range(_FIRST, _LAST + 1)]
    if text not in known:
        raise argparse.ArgumentTypeError(f"`{text}` is none of {known[0]} to {known[-1]}")
    return text
