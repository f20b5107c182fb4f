"""What a function announces, and what is said of what cannot be served (protocol.md section 2.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.processes import ROOT

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.description import Model, load
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.function.remote import Link, announced
from cloudstate.runtime.support.function import entity_spec

LINK = Link("127.0.0.1:1")


def spec(service: str = "shopping-cart") -> pb.EntitySpec:
    return entity_spec(load(ROOT / "generated" / service))


def test_what_we_announce_ourselves_can_be_served() -> None:
    found = announced(spec("converter"), LINK)
    assert [entity.model for entity in found.description.entities] == [Model.ACTION, Model.EVENT_SOURCED]
    assert [entity.service for entity in found.entities] == ["com.example.counting.Counter"]
    assert [action.service for action in found.actions] == ["com.example.conversion.Converter"]
    assert found.entities[0].passivation == 30.0


def changed(change: Callable[[pb.EntitySpec], None], service: str = "shopping-cart") -> pb.EntitySpec:
    made = spec(service)
    change(made)
    return made


def version(made: pb.EntitySpec) -> None:
    made.service_info.protocol_minor_version = 1


def nothing(made: pb.EntitySpec) -> None:
    del made.entities[:]


def other_service(made: pb.EntitySpec) -> None:
    made.entities[0].service_name = "a.B"


def other_type(made: pb.EntitySpec) -> None:
    made.entities[0].entity_type = "cloudstate.function.StatelessFunction"


def no_files(made: pb.EntitySpec) -> None:
    made.proto = b""


def broken_files(made: pb.EntitySpec) -> None:
    made.proto = b"\xff"


def streamed(made: pb.EntitySpec) -> None:
    made.entities[0].entity_type = "cloudstate.eventsourced.EventSourced"
    made.entities[0].persistence_id = "x"


def too_many_answers(made: pb.EntitySpec) -> None:
    made.entities[0].idempotency_window = 1001


def nameless(made: pb.EntitySpec) -> None:
    made.entities[0].persistence_id = ""


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (changed(version), "Incompatible protocol version 0.1, only 0.2 is supported"),
        (changed(nothing), "No entities were reported by the discover call!"),
        (changed(other_service), "Service [a.B] not found in descriptors!"),
        (changed(other_type), "has declared an unsupported entity type [cloudstate.function.StatelessFunction]. Supp"),
        (changed(no_files), "holds no files"),
        (changed(broken_files), "is not a FileDescriptorSet"),
        (changed(streamed, "converter"), "has streamed methods: ConvertMean, ConvertRange, ConvertEach"),
        (changed(nameless), "has no persistence id"),
        (changed(too_many_answers), "asks for 1001 kept answers of each entity"),
    ],
)
def test_what_cannot_be_served(made: pb.EntitySpec, text: str) -> None:
    with pytest.raises(ServiceInvalid) as refused:
        announced(made, LINK)
    assert text in str(refused.value)


def test_other_versions_can_be_let_in() -> None:
    assert announced(changed(version), LINK, check_version=False).entities


def as_crdt(made: pb.EntitySpec) -> None:
    made.entities[0].entity_type = "cloudstate.crdt.Crdt"
    made.entities[0].persistence_id = ""


def test_a_crdt_entity_is_stored_under_its_service_where_it_names_nothing() -> None:
    (crdt,) = announced(changed(as_crdt), LINK).crdts
    assert crdt.entity_type == crdt.service


def test_crdts_of_other_versions_are_never_let_in() -> None:
    made = changed(as_crdt)
    version(made)
    with pytest.raises(ServiceInvalid, match=r"Incompatible protocol version 0\.1"):
        announced(made, LINK, check_version=False)


def test_the_passivation_time_is_the_function_s() -> None:
    made = spec()
    made.entities[0].passivation_strategy.timeout.timeout = 100
    assert announced(made, LINK).entities[0].passivation == 0.1
    made.entities[0].ClearField("passivation_strategy")
    assert announced(made, LINK).entities[0].passivation == 30.0


def test_the_window_of_kept_answers_is_the_function_s() -> None:
    described = load(ROOT / "generated" / "shopping-cart")
    assert announced(entity_spec(described), LINK).description.entities[0].idempotency_window is None
    said = replace(described, entities=(replace(described.entities[0], idempotency_window=7),))
    assert announced(entity_spec(said), LINK).description.entities[0].idempotency_window == 7


def test_files_may_come_in_any_order() -> None:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    made = spec()
    files = list(FileDescriptorSet.FromString(made.proto).file)
    made.proto = FileDescriptorSet(file=reversed(files)).SerializeToString()
    assert announced(made, LINK).entities
