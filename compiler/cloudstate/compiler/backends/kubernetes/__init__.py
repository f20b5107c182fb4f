"""The Kubernetes backend: plain manifests, built as data, dumped by one YAML writer.

Start reading at ``emit.py``.
"""

from cloudstate.compiler.backends.kubernetes.emit import emit, manifests

__all__ = ["emit", "manifests"]
