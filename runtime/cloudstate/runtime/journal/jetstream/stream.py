"""How the stream has to be set up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.jetstream.settings import JetStreamSettings

#: The oldest server that takes atomic batches.
OLDEST_SERVER = (2, 12)

_FORMAT = "1"
_FORMAT_KEY = "cloudstate.format"

#: What the stream has to be for histories to be safe in it; where the server says nothing, it is off.
_NEEDED = {"allow_direct": True, "allow_atomic": True, "allow_rollup_hdrs": True}
#: What would drop or change messages, or acknowledge them too early; where the server says nothing, it is as here.
_HARMLESS = {
    "retention": "limits",
    "max_msgs": -1,
    "max_bytes": -1,
    "max_age": 0,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "no_ack": False,
    "sealed": False,
    "deny_purge": False,
    "allow_msg_counter": False,
    "subject_transform": None,
    "mirror": None,
    "persist_mode": "default",
}


def wanted(settings: JetStreamSettings) -> dict[str, Any]:
    """The configuration of a new stream."""
    return {
        "name": settings.stream,
        "subjects": [f"{settings.stream}.>"],
        "storage": settings.storage,
        "num_replicas": settings.replicas,
        "retention": "limits",
        "discard": "new",
        "metadata": {_FORMAT_KEY: _FORMAT},
        **_NEEDED,
    }


def check(config: Mapping[str, Any], settings: JetStreamSettings) -> None:
    """Look at the configuration of the stream that is there.

    Raises:
        JournalInvalid: it would lose what it is given, cannot do what is needed, or is of a newer version of ours.
    """
    written = (config.get("metadata") or {}).get(_FORMAT_KEY, _FORMAT)
    if written != _FORMAT:
        raise JournalInvalid(
            f"the stream `{settings.stream}` has format {written}, this version knows {_FORMAT}; "
            "use the newer version that made it, or give another stream"
        )
    wrong = [name for name, value in _HARMLESS.items() if config.get(name, value) != value]
    wrong += [name for name, value in _NEEDED.items() if config.get(name, False) != value]
    if f"{settings.stream}.>" not in config.get("subjects", ()):
        wrong.append(f"subjects (`{settings.stream}.>` is missing)")
    if config["num_replicas"] < settings.replicas:
        wrong.append(f"num_replicas (it has {config['num_replicas']})")
    if config["storage"] != settings.storage:
        wrong.append(f"storage (it is {config['storage']})")
    if wrong:
        raise JournalInvalid(
            f"the stream `{settings.stream}` is not set up as a journal: {', '.join(wrong)}; "
            "edit it (`nats stream edit`), or give another name, which is made then"
        )
