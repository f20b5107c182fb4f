"""The Python backend: message modules, abstract entity classes, typed calls and a typed client.

Start reading at ``emit.py``. ``names`` and ``imports`` decide how things are called, ``layout`` decides where lines
break, the views hold finished strings, and the templates only place those.
"""

from cloudstate.compiler.backends.python.emit import emit

__all__ = ["emit"]
