"""The eight data types as delta-state CRDTs, pure and without I/O.

Start reading at ``datatype.py`` (facts, changes, values), then ``state.py`` (merging) and ``record.py`` (an entity with
its deletions); each type is a module. ``encoding.py`` makes bytes of records; ``messages.py`` translates to the
protocol's messages and is the only module here that knows protobuf.
"""

from cloudstate.runtime.crdt.context import Context, Dot
from cloudstate.runtime.crdt.datatype import Audience, Author, Change, Inexpressible, Value
from cloudstate.runtime.crdt.encoding import decode, encode
from cloudstate.runtime.crdt.errors import ChangeRefused, EncodingInvalid, KindConflict
from cloudstate.runtime.crdt.flag import FlagChange, FlagValue
from cloudstate.runtime.crdt.gcounter import GCounterChange, GCounterValue
from cloudstate.runtime.crdt.gset import GSetChange, GSetValue
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.crdt.lwwregister import Clock, LWWRegisterChange, LWWRegisterValue
from cloudstate.runtime.crdt.ormap import EntryChange, ORMapChange, ORMapValue
from cloudstate.runtime.crdt.orset import ORSetChange, ORSetValue
from cloudstate.runtime.crdt.pncounter import PNCounterChange, PNCounterValue
from cloudstate.runtime.crdt.record import UNKNOWN, Record
from cloudstate.runtime.crdt.registry import TYPES
from cloudstate.runtime.crdt.state import State, includes, merge, mutate, value_of
from cloudstate.runtime.crdt.vote import VoteChange, VoteValue

__all__ = [
    "TYPES",
    "UNKNOWN",
    "Audience",
    "Author",
    "Change",
    "ChangeRefused",
    "Clock",
    "Context",
    "Dot",
    "EncodingInvalid",
    "EntryChange",
    "FlagChange",
    "FlagValue",
    "GCounterChange",
    "GCounterValue",
    "GSetChange",
    "GSetValue",
    "Inexpressible",
    "Kind",
    "KindConflict",
    "LWWRegisterChange",
    "LWWRegisterValue",
    "ORMapChange",
    "ORMapValue",
    "ORSetChange",
    "ORSetValue",
    "PNCounterChange",
    "PNCounterValue",
    "Record",
    "State",
    "Value",
    "VoteChange",
    "VoteValue",
    "decode",
    "encode",
    "includes",
    "merge",
    "mutate",
    "value_of",
]
