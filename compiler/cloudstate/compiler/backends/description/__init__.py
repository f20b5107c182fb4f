"""The description backend: the service as the runtime loads it. Start reading at ``emit.py``."""

from cloudstate.compiler.backends.description.emit import FORMAT, emit

__all__ = ["FORMAT", "emit"]
