"""Whatever a user function announces, it is served or refused with a reason; nothing else happens."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.processes import ROOT

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.function.remote import Link, announced
from cloudstate.runtime.host import EntityHost, Router
from cloudstate.runtime.journal import MemoryJournal
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.support.function import entity_spec

GOOD = [
    entity_spec(load(ROOT / "generated" / name)).SerializeToString() for name in ("shopping-cart", "converter", "tck")
]
LINK = Link("127.0.0.1:1")


def served_or_refused(data: bytes) -> None:
    """What a proxy does with the bytes that a function answers ``discover`` with."""
    try:
        spec = pb.EntitySpec.FromString(data)
    except DecodeError:
        return
    try:
        found = announced(spec, LINK, check_version=False)
        hosts = [EntityHost(entity, MemoryJournal(SystemClock())) for entity in found.entities]
        FrontDoor(found.description, Router(hosts, found.actions))
    except ServiceInvalid:
        return


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    served_or_refused(data)


@given(st.sampled_from(GOOD), st.data())
@settings(max_examples=300, deadline=None)
def test_bytes_changed_somewhere(good: bytes, data: st.DataObject) -> None:
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    served_or_refused(bytes(changed))


TEXT = st.text(max_size=20) | st.sampled_from(
    [
        "com.example.shoppingcart.ShoppingCart",
        "cloudstate.eventsourced.EventSourced",
        "cloudstate.valueentity.ValueEntity",
    ]
)


@given(
    st.lists(
        st.builds(
            pb.Entity,
            entity_type=TEXT | st.just("cloudstate.action.ActionProtocol"),
            service_name=TEXT | st.sampled_from(["com.example.shoppingcart.AddLineItem", "google.protobuf.Empty"]),
            persistence_id=TEXT,
            passivation_strategy=st.none()
            | st.builds(
                lambda ms: pb.EntityPassivationStrategy(timeout=pb.TimeoutPassivationStrategy(timeout=ms)),
                st.integers(-(2**63), 2**63 - 1),
            ),
        ),
        max_size=3,
    )
)
@example([])
@settings(max_examples=300, deadline=None)
def test_any_entities_of_good_files(entities: list[pb.Entity]) -> None:
    spec = pb.EntitySpec.FromString(GOOD[0])
    del spec.entities[:]
    spec.entities.extend(entities)
    served_or_refused(spec.SerializeToString())
