"""Samples: the same at every run, with what is at the edges, read as they were written."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import message_factory
from tests.unit.compiler.recorded import PROTO, SPEC, today, version

from cloudstate.compiler.lock.samples import misread
from cloudstate.compiler.lock.samples.classes import RecordedClasses

NODE = PROTO.replace(
    "  int32 quantity = 2;",
    """  int32 quantity = 2;
  Added next = 3;
  map<string, Added> more = 4;
  oneof which {
    string left = 5;
    int64 right = 6;
    Item both = 7;
  }
  optional bytes raw = 8;
  map<int32, Size> sizes = 10;""",
)


def test_they_are_the_same_at_every_run(tmp_path: Path) -> None:
    one, two = (version("1", today(tmp_path / name, NODE)) for name in ("a", "b"))
    assert one.samples == two.samples
    assert list(one.samples) == ["shop.Added", "shop.Items"]


def test_they_are_few_and_small(tmp_path: Path) -> None:
    samples = version("1", today(tmp_path, NODE)).samples["shop.Added"]
    assert 4 < len(samples) == len(set(samples)) <= 8
    assert max(map(len, samples)) < 4000


def test_they_have_every_member_of_a_oneof_and_every_field(tmp_path: Path) -> None:
    now = today(tmp_path, NODE)
    cls = message_factory.GetMessageClass(now.pool.FindMessageTypeByName("shop.Added"))
    messages = [cls.FromString(sample) for sample in version("1", now).samples["shop.Added"]]
    assert messages[0] == cls()
    assert {message.WhichOneof("which") for message in messages} == {None, "left", "right", "both"}
    present = {field.name for message in messages for field, _ in message.ListFields()}
    assert present == {field.name for field in cls.DESCRIPTOR.fields}


def test_recorded_types_read_what_their_release_wrote(tmp_path: Path) -> None:
    now = today(tmp_path, NODE)
    recorded = version("1", now)
    cls = message_factory.GetMessageClass(now.pool.FindMessageTypeByName("shop.Added"))
    old = RecordedClasses(recorded.stored).get("shop.Added")
    for sample in recorded.samples["shop.Added"]:
        assert old.FromString(sample).SerializeToString(deterministic=True) == sample
        assert [field.name for field, _ in old.FromString(sample).ListFields()] == [
            field.name for field, _ in cls.FromString(sample).ListFields()
        ]
    assert list(misread(recorded, now.pool, {name: name for name in recorded.samples})) == []


def test_states_without_snapshots_have_no_samples(tmp_path: Path) -> None:
    spec = SPEC.replace("{service", "{snapshot: {every: 0}, service")
    assert list(version("1", today(tmp_path, spec=spec)).samples) == ["shop.Added"]


def test_a_misreading_says_where_and_what(tmp_path: Path) -> None:
    recorded = version("1", today(tmp_path / "old"))
    changed = today(tmp_path / "new", PROTO.replace("int32 quantity", "bool quantity").replace("repeated Item", "Item"))
    found = list(misread(recorded, changed.pool, {name: name for name in recorded.samples}))
    assert [(one.message, one.path) for one in found] == [("shop.Added", "quantity"), ("shop.Items", "items")]
    assert (found[0].now, found[1].was) == ("True", "2 values")


def test_what_cannot_be_decoded(tmp_path: Path) -> None:
    recorded = version("1", today(tmp_path / "old", PROTO.replace("string name", "bytes name")))
    found = list(misread(recorded, today(tmp_path / "new").pool, {name: name for name in recorded.samples}))
    assert ("shop.Added", "", "not decodable") in [(one.message, one.path, one.now) for one in found]
