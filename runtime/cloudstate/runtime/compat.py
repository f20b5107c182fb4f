"""Where the reference does something that its clients or its kit depend on, and that is not right for users.

The default is what users want; ``--compat reference`` follows the reference. Each field is one quirk of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compat:
    """Whom to follow.

    Attributes:
        entity_metadata: commands of entities carry the caller's metadata. The reference drops it, and its kit compares
            commands to the last field (protocol.md sections 2.5 and 6.3).
        http_status: a failure over HTTP has the status that belongs to its gRPC status, and a JSON body. With the
            reference every failure is a 500 whose body is the bare text (protocol.md section 2.4).
    """

    entity_metadata: bool = True
    http_status: bool = True


#: What users want.
NONE = Compat()
#: What the reference does.
REFERENCE = Compat(entity_metadata=False, http_status=False)
