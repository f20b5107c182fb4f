"""The other side of the protocol: Python entities as a user function, for any CloudState proxy.

Start reading at ``function.py``; ``stream.py`` is one entity's stream, ``action.py`` the calls of actions.
"""

from cloudstate.runtime.support.function import FUNCTION_LIMITS, UserFunction

__all__ = ["FUNCTION_LIMITS", "UserFunction"]
