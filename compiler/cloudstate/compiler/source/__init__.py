"""Source: text files, positions in them, and YAML that knows where it stands. Start reading at ``text.py``.

Everything here returns values; what is wrong with a file is said by the rooms above.
"""

from cloudstate.compiler.source.span import Located, Span
from cloudstate.compiler.source.text import Source
from cloudstate.compiler.source.yaml_nodes import Entry, Mapping, Node, Problem, ProblemKind, Scalar, Sequence

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
