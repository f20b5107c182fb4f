"""The eight data types by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudstate.runtime.crdt.datatype import DataType
from cloudstate.runtime.crdt.flag import Flag
from cloudstate.runtime.crdt.gcounter import GCounter
from cloudstate.runtime.crdt.gset import GSet
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.crdt.lwwregister import LWWRegister
from cloudstate.runtime.crdt.ormap import ORMap
from cloudstate.runtime.crdt.orset import ORSet
from cloudstate.runtime.crdt.pncounter import PNCounter
from cloudstate.runtime.crdt.vote import Vote


def _types() -> dict[Kind, DataType[Any, Any, Any]]:
    types: dict[Kind, DataType[Any, Any, Any]] = {
        it.kind: it for it in (GCounter(), PNCounter(), GSet(), ORSet(), LWWRegister(), Flag(), Vote())
    }
    types[Kind.ORMAP] = ORMap(types)
    return types


TYPES: Mapping[Kind, DataType[Any, Any, Any]] = _types()
