"""The Kubernetes that manifests are for, as an argument."""

from __future__ import annotations

import argparse


def add_target(parser: argparse.ArgumentParser, help_: str) -> None:
    """Declare ``--target-k8s``."""
    parser.add_argument("--target-k8s", type=_version, metavar="1.N", help=help_)


def minor_of(arguments: argparse.Namespace) -> int:
    """The second number of the version that is meant."""
    from cloudstate.compiler.model.deployment import OLDEST

    return int((arguments.target_k8s or OLDEST).partition(".")[2])


def _version(text: str) -> str:
    from cloudstate.compiler.model.deployment import KUBERNETES

    if text not in KUBERNETES:
        raise argparse.ArgumentTypeError(f"`{text}` is none of {KUBERNETES[0]} to {KUBERNETES[-1]}")
    return text
