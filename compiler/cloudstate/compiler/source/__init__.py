"""Source: text files, positions in them, and YAML that knows where it stands. Start reading at ``text.py``.
``nodes`` is what YAML becomes, and ``yaml_nodes`` makes it so.

Everything here returns values; what is wrong with a file is said by the rooms above.
"""

from cloudstate.compiler.source.nodes import Entry, Mapping, Node, Problem, ProblemKind, Scalar, Sequence
from cloudstate.compiler.source.span import Located, Span
from cloudstate.compiler.source.text import Source

__all__ = [
    "Entry",
    "Located",
    "Mapping",
    "Node",
    "Problem",
    "ProblemKind",
    "Scalar",
    "Sequence",
    "Source",
    "Span",
]
