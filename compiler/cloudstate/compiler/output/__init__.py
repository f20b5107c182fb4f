"""Output: a set of files in memory and, as the very last step, on disk.

Start reading at ``file_set.py``; ``tree`` compares with the disk, ``write`` writes.
"""

from cloudstate.compiler.output.file_set import FileSet
from cloudstate.compiler.output.tree import LIST_NAME, Difference, compare, diff, with_list
from cloudstate.compiler.output.write import write

__all__ = ["LIST_NAME", "Difference", "FileSet", "compare", "diff", "with_list", "write"]
