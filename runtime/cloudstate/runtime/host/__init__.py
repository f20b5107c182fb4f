"""The shell around entity sessions. Start reading at ``router.py``; ``entity_host.py`` keeps entities in memory."""

from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.host.entity_host import EntityHost, HostLimits
from cloudstate.runtime.host.router import Request, Result, Router

__all__ = ["EntityHost", "Failure", "HostLimits", "Reply", "Request", "Result", "Router"]
