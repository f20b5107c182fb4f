"""Where clients come in: gRPC, HTTP/JSON, health and reflection. Start reading at ``front_door.py``."""

from cloudstate.runtime.proxy.front_door import FrontDoor, FrontDoorLimits

__all__ = ["FrontDoor", "FrontDoorLimits"]
