"""Output: a set of files in memory and, as the very last step, on disk. Start reading at ``file_set.py``."""

from cloudstate.compiler.output.file_set import FileSet

__all__ = ["FileSet"]
