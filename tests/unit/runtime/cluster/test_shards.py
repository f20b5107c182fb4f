"""The shard of an id: the vectors of docs/cluster.md, and that generated clients name the shard that members mean."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from tests.processes import ROOT

from cloudstate.runtime.cluster.shards import shard_of
from cloudstate.runtime.function.endpoint import key_reader
from wallet_service import client

#: Id, CRC-32, its shard of 256, its shard of 100.
VECTORS = [
    ("ada", "8d708768", 104, 52),
    ("user-1", "7e264614", 20, 24),
    ("4a0c1d2e", "446df211", 17, 81),
    ("Zoë", "67ac422a", 42, 78),
]


@pytest.mark.parametrize(("entity_id", "checksum", "of_256", "of_100"), VECTORS)
def test_vectors(entity_id: str, checksum: str, of_256: int, of_100: int) -> None:
    assert (shard_of(entity_id, 256), shard_of(entity_id, 100)) == (of_256, of_100)
    assert shard_of(entity_id, 2**32) == int(checksum, 16)


def test_the_vectors_are_those_of_the_documentation() -> None:
    page = (ROOT / "docs/cluster.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{8})` \| (\d+) \| (\d+) \|$", page, re.M)
    assert [(name, checksum, int(low), int(high)) for name, checksum, low, high in rows] == VECTORS


def key_class() -> type[Message]:
    """A message with a key of every kind that a key may have."""
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = [("text", kinds.TYPE_STRING), ("number", kinds.TYPE_SINT64), ("flag", kinds.TYPE_BOOL)]
    fields += [("octets", kinds.TYPE_BYTES)]
    file = descriptor_pb2.FileDescriptorProto(name="keys.proto", syntax="proto3")
    message = file.message_type.add(name="Key")
    for number, (name, kind) in enumerate(fields, 1):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Key"))


KEY = key_class()
NAMES = ("text", "number", "flag", "octets")
KEYS = st.fixed_dictionaries(
    {
        "text": st.text(st.characters(exclude_categories=["Cs"])) | st.text("-\\a"),
        "number": st.integers(-(2**63), 2**63 - 1),
        "flag": st.booleans(),
        "octets": st.binary(max_size=9),
    }
)


@given(KEYS, st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
def test_a_generated_client_names_the_shard(key: dict[str, Any], names: list[str]) -> None:
    message = KEY(**key)
    stamped = vars(client)["_stamped"]((), *(getattr(message, name) for name in names))
    entity_id = key_reader(KEY, tuple(names))(message)
    assert dict(stamped)["x-cloudstate-shard"] == str(shard_of(entity_id, 256))
