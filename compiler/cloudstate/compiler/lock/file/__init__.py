"""The lock file: ``schema.lock`` beside the spec, text that people review.

A version is written as what is different from the one before, so that a release adds lines at the end and changes none.
``parse`` reads, ``render`` writes, ``delta`` takes versions apart and puts them together.
"""

from cloudstate.compiler.lock.file.parse import parse_lock
from cloudstate.compiler.lock.file.render import render_lock
from cloudstate.compiler.lock.file.seal import digest_of, seal_of

__all__ = ["digest_of", "parse_lock", "render_lock", "seal_of"]
