"""Samples: encodings that a release could have stored, made when it is recorded and read again at every check.

``generate`` makes them out of values at the edges of their types; ``classes`` gives message classes to recorded types,
so that a sample can be read as the release read it; ``replay`` compares that with what is read today.
"""

from cloudstate.compiler.lock.samples.generate import samples_of
from cloudstate.compiler.lock.samples.replay import Misreading, misread

__all__ = ["Misreading", "misread", "samples_of"]
