"""The wire contract, field by field: what our generated code writes is read back by a decoder that knows no schema.

``TABLE`` is protocol 0.2 as a peer expects it: package and message, then number, name and type of each field; ``*``
means repeated, ``|group`` that the field is one of several alternatives. A difference here breaks support libraries in
other languages, so the table is changed by no refactoring.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cloudstate import (
    action_pb2,
    annotations_pb2,
    crdt_pb2,
    entity_key_pb2,
    entity_pb2,
    event_sourced_pb2,
    eventing_pb2,
    legacy_entity_key_pb2,
    value_entity_pb2,
)

TABLE = """
cloudstate.Eventing                            1 in cloudstate.EventSource; 2 out cloudstate.EventDestination
cloudstate.EventSource                         1 consumer_group string; 2 topic string |source; 3 event_log string |source
cloudstate.EventDestination                    1 topic string |destination

cloudstate.Metadata                            1 entries cloudstate.MetadataEntry*
cloudstate.MetadataEntry                       1 key string; 2 string_value string |value; 3 bytes_value bytes |value
cloudstate.Reply                               1 payload Any; 2 metadata cloudstate.Metadata
cloudstate.Forward                             1 service_name string; 2 command_name string; 3 payload Any; 4 metadata cloudstate.Metadata
cloudstate.Failure                             1 command_id int64; 2 description string; 3 restart bool; 1084 grpc_status int32
cloudstate.ClientAction                        1 reply cloudstate.Reply |action; 2 forward cloudstate.Forward |action; 3 failure cloudstate.Failure |action
cloudstate.SideEffect                          1 service_name string; 2 command_name string; 3 payload Any; 4 synchronous bool; 5 metadata cloudstate.Metadata
cloudstate.Command                             1 entity_id string; 2 id int64; 3 name string; 4 payload Any; 5 streamed bool; 6 metadata cloudstate.Metadata
cloudstate.StreamCancelled                     1 entity_id string; 2 id int64
cloudstate.EntitySpec                          1 proto bytes; 2 entities cloudstate.Entity*; 3 service_info cloudstate.ServiceInfo
cloudstate.ServiceInfo                         1 service_name string; 2 service_version string; 3 service_runtime string; 4 support_library_name string; 5 support_library_version string; 6 protocol_major_version int32; 7 protocol_minor_version int32
cloudstate.Entity                              1 entity_type string; 2 service_name string; 3 persistence_id string; 4 passivation_strategy cloudstate.EntityPassivationStrategy; 1084 idempotency_window int32 |_idempotency_window
cloudstate.EntityPassivationStrategy           1 timeout cloudstate.TimeoutPassivationStrategy |strategy
cloudstate.TimeoutPassivationStrategy          1 timeout int64
cloudstate.UserFunctionError                   1 message string
cloudstate.ProxyInfo                           1 protocol_major_version int32; 2 protocol_minor_version int32; 3 proxy_name string; 4 proxy_version string; 5 supported_entity_types string*

cloudstate.eventsourced.EventSourcedInit       1 service_name string; 2 entity_id string; 3 snapshot cloudstate.eventsourced.EventSourcedSnapshot
cloudstate.eventsourced.EventSourcedSnapshot   1 snapshot_sequence int64; 2 snapshot Any
cloudstate.eventsourced.EventSourcedEvent      1 sequence int64; 2 payload Any
cloudstate.eventsourced.EventSourcedReply      1 command_id int64; 2 client_action cloudstate.ClientAction; 3 side_effects cloudstate.SideEffect*; 4 events Any*; 5 snapshot Any
cloudstate.eventsourced.EventSourcedStreamIn   1 init cloudstate.eventsourced.EventSourcedInit |message; 2 event cloudstate.eventsourced.EventSourcedEvent |message; 3 command cloudstate.Command |message
cloudstate.eventsourced.EventSourcedStreamOut  1 reply cloudstate.eventsourced.EventSourcedReply |message; 2 failure cloudstate.Failure |message

cloudstate.valueentity.ValueEntityInit         1 service_name string; 2 entity_id string; 3 state cloudstate.valueentity.ValueEntityInitState
cloudstate.valueentity.ValueEntityInitState    1 value Any
cloudstate.valueentity.ValueEntityReply        1 command_id int64; 2 client_action cloudstate.ClientAction; 3 side_effects cloudstate.SideEffect*; 4 state_action cloudstate.valueentity.ValueEntityAction
cloudstate.valueentity.ValueEntityAction       1 update cloudstate.valueentity.ValueEntityUpdate |action; 2 delete cloudstate.valueentity.ValueEntityDelete |action
cloudstate.valueentity.ValueEntityUpdate       1 value Any
cloudstate.valueentity.ValueEntityDelete
cloudstate.valueentity.ValueEntityStreamIn     1 init cloudstate.valueentity.ValueEntityInit |message; 2 command cloudstate.Command |message
cloudstate.valueentity.ValueEntityStreamOut    1 reply cloudstate.valueentity.ValueEntityReply |message; 2 failure cloudstate.Failure |message

cloudstate.crdt.CrdtStreamIn                   1 init cloudstate.crdt.CrdtInit |message; 2 delta cloudstate.crdt.CrdtDelta |message; 3 delete cloudstate.crdt.CrdtDelete |message; 4 command cloudstate.Command |message; 5 stream_cancelled cloudstate.StreamCancelled |message
cloudstate.crdt.CrdtStreamOut                  1 reply cloudstate.crdt.CrdtReply |message; 2 streamed_message cloudstate.crdt.CrdtStreamedMessage |message; 3 stream_cancelled_response cloudstate.crdt.CrdtStreamCancelledResponse |message; 4 failure cloudstate.Failure |message
cloudstate.crdt.CrdtInit                       1 service_name string; 2 entity_id string; 3 delta cloudstate.crdt.CrdtDelta
cloudstate.crdt.CrdtDelete
cloudstate.crdt.CrdtDelta                      1 gcounter cloudstate.crdt.GCounterDelta |delta; 2 pncounter cloudstate.crdt.PNCounterDelta |delta; 3 gset cloudstate.crdt.GSetDelta |delta; 4 orset cloudstate.crdt.ORSetDelta |delta; 5 lwwregister cloudstate.crdt.LWWRegisterDelta |delta; 6 flag cloudstate.crdt.FlagDelta |delta; 7 ormap cloudstate.crdt.ORMapDelta |delta; 8 vote cloudstate.crdt.VoteDelta |delta
cloudstate.crdt.GCounterDelta                  1 increment uint64
cloudstate.crdt.PNCounterDelta                 1 change sint64
cloudstate.crdt.GSetDelta                      1 added Any*
cloudstate.crdt.ORSetDelta                     1 cleared bool; 2 removed Any*; 3 added Any*
cloudstate.crdt.LWWRegisterDelta               1 value Any; 2 clock enum; 3 custom_clock_value int64
cloudstate.crdt.FlagDelta                      1 value bool
cloudstate.crdt.ORMapDelta                     1 cleared bool; 2 removed Any*; 3 updated cloudstate.crdt.ORMapEntryDelta*; 4 added cloudstate.crdt.ORMapEntryDelta*
cloudstate.crdt.ORMapEntryDelta                1 key Any; 2 delta cloudstate.crdt.CrdtDelta
cloudstate.crdt.VoteDelta                      1 self_vote bool; 2 votes_for int32; 3 total_voters int32
cloudstate.crdt.CrdtReply                      1 command_id int64; 2 client_action cloudstate.ClientAction; 4 side_effects cloudstate.SideEffect*; 5 state_action cloudstate.crdt.CrdtStateAction; 6 streamed bool
cloudstate.crdt.CrdtStateAction                1 update cloudstate.crdt.CrdtDelta |action; 2 delete cloudstate.crdt.CrdtDelete |action; 3 write_consistency enum
cloudstate.crdt.CrdtStreamedMessage            1 command_id int64; 2 client_action cloudstate.ClientAction; 3 side_effects cloudstate.SideEffect*; 4 end_stream bool
cloudstate.crdt.CrdtStreamCancelledResponse    1 command_id int64; 2 side_effects cloudstate.SideEffect*; 3 state_action cloudstate.crdt.CrdtStateAction

cloudstate.action.ActionCommand                2 service_name string; 3 name string; 4 payload Any; 5 metadata cloudstate.Metadata
cloudstate.action.ActionResponse               1 failure cloudstate.Failure |response; 2 reply cloudstate.Reply |response; 3 forward cloudstate.Forward |response; 4 side_effects cloudstate.SideEffect*
"""  # noqa: E501

#: service: rpc, input, output; ``stream`` where the side streams.
METHODS = {
    "cloudstate.EntityDiscovery": [
        "discover cloudstate.ProxyInfo -> cloudstate.EntitySpec",
        "reportError cloudstate.UserFunctionError -> google.protobuf.Empty",
    ],
    "cloudstate.eventsourced.EventSourced": [
        "handle stream cloudstate.eventsourced.EventSourcedStreamIn"
        " -> stream cloudstate.eventsourced.EventSourcedStreamOut",
    ],
    "cloudstate.valueentity.ValueEntity": [
        "handle stream cloudstate.valueentity.ValueEntityStreamIn"
        " -> stream cloudstate.valueentity.ValueEntityStreamOut",
    ],
    "cloudstate.crdt.Crdt": [
        "handle stream cloudstate.crdt.CrdtStreamIn -> stream cloudstate.crdt.CrdtStreamOut",
    ],
    "cloudstate.action.ActionProtocol": [
        "handleUnary cloudstate.action.ActionCommand -> cloudstate.action.ActionResponse",
        "handleStreamedIn stream cloudstate.action.ActionCommand -> cloudstate.action.ActionResponse",
        "handleStreamedOut cloudstate.action.ActionCommand -> stream cloudstate.action.ActionResponse",
        "handleStreamed stream cloudstate.action.ActionCommand -> stream cloudstate.action.ActionResponse",
    ],
}

FILES = [
    module.DESCRIPTOR
    for module in (
        action_pb2,
        crdt_pb2,
        entity_key_pb2,
        entity_pb2,
        event_sourced_pb2,
        eventing_pb2,
        legacy_entity_key_pb2,
        value_entity_pb2,
    )
]

VARINT, LEN = 0, 2


class Field(NamedTuple):
    """One field of the table."""

    number: int
    name: str
    type: str
    repeated: bool
    group: str | None


class Scalar(NamedTuple):
    """A sample value and what it must be on the wire."""

    value: object
    wire_type: int
    encoded: int | bytes


#: Samples are negative or not ASCII where that tells encodings apart.
SCALARS = {
    "string": Scalar("é", LEN, b"\xc3\xa9"),
    "bytes": Scalar(b"\xff\x00", LEN, b"\xff\x00"),
    "bool": Scalar(True, VARINT, 1),
    "int32": Scalar(-2, VARINT, 2**64 - 2),
    "int64": Scalar(-(2**40), VARINT, 2**64 - 2**40),
    "uint64": Scalar(2**64 - 1, VARINT, 2**64 - 1),
    "sint64": Scalar(-3, VARINT, 5),
    "enum": Scalar(1, VARINT, 1),
}


def parse_field(text: str) -> Field:
    number, name, type_name, *group = text.split()
    return Field(int(number), name, type_name.rstrip("*"), type_name.endswith("*"), group[0] if group else None)


def parse_table() -> dict[str, list[Field]]:
    table = {}
    for line in filter(None, TABLE.splitlines()):
        message, _, fields = line.partition(" ")
        table[message] = [parse_field(text) for text in fields.split(";") if text.strip()]
    return table


MESSAGES = parse_table()
EACH_FIELD = [pytest.param(m, f, id=f"{m}.{f.name}") for m, fields in MESSAGES.items() for f in fields]


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def decode(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield (field number, wire type, value) of every record; only the wire types that the protocol uses."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if tag & 7 == VARINT:
            yield tag >> 3, VARINT, value
        elif tag & 7 == LEN:
            assert at + value <= len(data), "the record is longer than the message"
            yield tag >> 3, LEN, data[at : at + value]
            at += value
        else:
            pytest.fail(f"wire type {tag & 7} is not part of the protocol")


def descriptor(message: str) -> Descriptor:
    return descriptor_pool.Default().FindMessageTypeByName(message)


def new(message: str) -> Any:
    return message_factory.GetMessageClass(descriptor(message))()


def full_name(type_name: str) -> str:
    return "google.protobuf.Any" if type_name == "Any" else type_name


@pytest.mark.parametrize(("message", "field"), EACH_FIELD)
def test_field_is_written_with_its_number_and_wire_type(message: str, field: Field) -> None:
    value = new(message)
    if field.type in SCALARS:
        sample, wire_type, encoded = SCALARS[field.type]
    else:
        sample, wire_type, encoded = new(full_name(field.type)), LEN, b""

    if field.repeated:
        getattr(value, field.name).extend([sample, sample])
    elif field.type in SCALARS:
        setattr(value, field.name, sample)
    else:
        getattr(value, field.name).SetInParent()

    record = (field.number, wire_type, encoded)
    assert list(decode(value.SerializeToString())) == [record] * (2 if field.repeated else 1)


@pytest.mark.parametrize("message", MESSAGES)
def test_message_has_the_fields_of_the_table_and_no_others(message: str) -> None:
    actual = [
        (f.number, f.name, f.message_type.full_name if f.message_type else None, f.is_repeated)
        for f in descriptor(message).fields
    ]
    expected = [
        (f.number, f.name, None if f.type in SCALARS else full_name(f.type), f.repeated) for f in MESSAGES[message]
    ]
    assert sorted(actual, key=lambda field: field[0]) == expected


@pytest.mark.parametrize("message", MESSAGES)
def test_alternatives_exclude_one_another(message: str) -> None:
    def group(field: FieldDescriptor) -> str | None:
        return f"|{field.containing_oneof.name}" if field.containing_oneof else None

    actual = {f.name: group(f) for f in descriptor(message).fields}
    assert actual == {f.name: f.group for f in MESSAGES[message]}


def test_no_message_is_missing_from_the_table() -> None:
    ours = {m.full_name for file in FILES for m in file.message_types_by_name.values()}
    assert ours == set(MESSAGES)


def test_services_have_exactly_their_methods_and_shapes() -> None:
    def shape(method: Any) -> str:
        request = "stream " * method.client_streaming + method.input_type.full_name
        reply = "stream " * method.server_streaming + method.output_type.full_name
        return f"{method.name} {request} -> {reply}"

    actual = {
        service.full_name: [shape(method) for method in service.methods]
        for file in FILES
        for service in file.services_by_name.values()
    }
    assert actual == METHODS


@pytest.mark.parametrize(
    ("extension", "name", "number", "extends"),
    [
        (entity_key_pb2.entity_key, "cloudstate.entity_key", 1080, "google.protobuf.FieldOptions"),
        (
            legacy_entity_key_pb2.legacy_entity_key,
            "cloudstate.legacy_entity_key",
            50002,
            "google.protobuf.FieldOptions",
        ),
        (eventing_pb2.eventing, "cloudstate.eventing", 1081, "google.protobuf.MethodOptions"),
        (annotations_pb2.entity, "cloudstate.entity", 1082, "google.protobuf.ServiceOptions"),
        (annotations_pb2.command, "cloudstate.command", 1083, "google.protobuf.MethodOptions"),
    ],
)
def test_extension_numbers(extension: FieldDescriptor, name: str, number: int, extends: str) -> None:
    extended = extension.containing_type
    assert extended is not None
    assert (extension.full_name, extension.number, extended.full_name) == (name, number, extends)


def test_key_options_are_booleans_on_the_wire() -> None:
    options = new("google.protobuf.FieldOptions")
    options.Extensions[entity_key_pb2.entity_key] = True
    options.Extensions[legacy_entity_key_pb2.legacy_entity_key] = True
    assert sorted(decode(options.SerializeToString())) == [(1080, VARINT, 1), (50002, VARINT, 1)]


def test_eventing_option_is_a_message_on_the_wire() -> None:
    options = new("google.protobuf.MethodOptions")
    options.Extensions[eventing_pb2.eventing].out.topic = "t"
    assert list(decode(options.SerializeToString())) == [(1081, LEN, b"\x12\x03\x0a\x01t")]


def test_enum_numbers() -> None:
    assert dict(crdt_pb2.CrdtClock.items()) == {"DEFAULT": 0, "REVERSE": 1, "CUSTOM": 2, "CUSTOM_AUTO_INCREMENT": 3}
    assert dict(crdt_pb2.CrdtWriteConsistency.items()) == {"LOCAL": 0, "MAJORITY": 1, "ALL": 2}


@pytest.mark.parametrize(
    ("message", "number"), [("cloudstate.crdt.CrdtReply", 3), ("cloudstate.action.ActionCommand", 1)]
)
def test_gaps_stay_gaps(message: str, number: int) -> None:
    assert number not in descriptor(message).fields_by_number


def test_every_file_is_proto3() -> None:
    """Scalars at their default are absent: the emptiness of a message is the emptiness of its bytes."""
    assert entity_pb2.Failure(command_id=0, description="", restart=False).SerializeToString() == b""
    for file in FILES:
        for message in file.message_types_by_name.values():
            assert not any(field.has_presence for field in message.fields if is_plain_scalar(field)), message.full_name


def is_plain_scalar(field: FieldDescriptor) -> bool:
    return field.message_type is None and field.containing_oneof is None
