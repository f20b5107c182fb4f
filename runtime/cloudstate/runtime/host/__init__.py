"""The shell around entity sessions. Start reading at ``router.py``; ``residency.py`` keeps entities in memory."""

from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.entity.request import Request, Result
from cloudstate.runtime.host.crdt_host import CrdtHost
from cloudstate.runtime.host.entity_host import EntityHost
from cloudstate.runtime.host.residency import HostLimits
from cloudstate.runtime.host.router import Router

__all__ = ["CrdtHost", "EntityHost", "Failure", "HostLimits", "Reply", "Request", "Result", "Router"]
