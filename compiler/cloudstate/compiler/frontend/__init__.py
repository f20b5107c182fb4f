"""From files to a ``Spec``: YAML and protos are read, checked for shape, and their names resolved.

Start reading at ``read.py``. ``document`` knows the shape of the YAML and ``validation`` holds specs to it; ``protos``
runs protoc and ``schema`` reads its descriptors; ``yaml_entities`` and ``option_entities`` collect what is declared,
``merge`` joins both, ``resolve`` looks names up, and ``lower`` makes the service of a spec that has no errors.
"""

from cloudstate.compiler.frontend.lower import lower
from cloudstate.compiler.frontend.read import read

__all__ = [
    "lower",
    "read",
]
