"""What calls commands besides clients: event logs and topics; and where replies go besides the caller.

``declared`` says what the .proto files ask for, ``consumer`` reads an event log and delivers it, ``deliver`` gives one
event to its subscriber, ``bookkeeping`` keeps offsets and dead letters in the journal, ``broker`` is where topics are.
"""

from cloudstate.runtime.eventing.broker import Broker, MemoryBroker, open_broker
from cloudstate.runtime.eventing.consumer import everything_is_mine
from cloudstate.runtime.eventing.declared import Declared, declared
from cloudstate.runtime.eventing.running import Eventing

__all__ = ["Broker", "Declared", "Eventing", "MemoryBroker", "declared", "everything_is_mine", "open_broker"]
