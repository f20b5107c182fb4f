"""The service model: what a spec means, as frozen values. Start reading at ``service.py``."""

from cloudstate.compiler.model.deployment import (
    KUBERNETES,
    Autoscale,
    Deployment,
    Jwt,
    Resources,
    Store,
    StoreKind,
)
from cloudstate.compiler.model.entity import CRDT_CLASSES, Command, CommandEffect, Entity, Model, Upcaster
from cloudstate.compiler.model.message import MessageType, ProtoFile
from cloudstate.compiler.model.service import Placement, Service

__all__ = [
    "CRDT_CLASSES",
    "KUBERNETES",
    "Autoscale",
    "Command",
    "CommandEffect",
    "Deployment",
    "Entity",
    "Jwt",
    "MessageType",
    "Model",
    "Placement",
    "ProtoFile",
    "Resources",
    "Service",
    "Store",
    "StoreKind",
    "Upcaster",
]
