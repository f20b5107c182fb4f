"""The user's code behind the CloudState protocol, in a process of its own and in any language.

Start reading at ``link.py`` (the connection), then ``entity.py`` and ``action.py`` (the calls); ``messages.py`` knows
the protocol's messages, ``discovery.py`` what a function announces.
"""

from cloudstate.runtime.function.remote.action import RemoteAction
from cloudstate.runtime.function.remote.discovery import Announced, announced
from cloudstate.runtime.function.remote.entity import RemoteEntity
from cloudstate.runtime.function.remote.link import FunctionUnavailable, Link

__all__ = ["Announced", "FunctionUnavailable", "Link", "RemoteAction", "RemoteEntity", "announced"]
