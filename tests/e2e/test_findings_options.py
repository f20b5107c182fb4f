"""``--fix``, ``--baseline``, ``--select`` and ``--watch`` as people use them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cloudstate.cli import main
from cloudstate.cli.watching import stamps, watch

PROTO = """\
syntax = "proto3";
package shop;
import "cloudstate/entity_key.proto";
service Cart {
  rpc AddItem(Add) returns (Items) {}
  rpc GetCart(Get) returns (Items) {}
}
service Lonely { rpc Say(Get) returns (Items) {} }
message Add { string id = 1 [(cloudstate.entity_key) = true]; }
message Get { string id = 1 [(cloudstate.entity_key) = true]; }
message Items { repeated string items = 1; }
message ItemAdded { string item = 1; }
"""

SPEC = """\
apiVersion: cloudstate.io/v1
kind: StatefulService
metadata: {name: shop}
spec:
  protos: [shop.proto]
  entities:
    - service: shop.Cart
      model: event-sourced
      type: cart
      state: shop.Items  # what is in it
      events: [shop.ItemAdded]
      commands: {AddItem: {emits: [ItemAdded]}, GetCart: {effect: read}}
"""

BROKEN = (
    SPEC.replace("model: event-sourced", "modle: event-source")
    .replace("state: shop.Items", "state: shop.Itms")
    .replace("[shop.ItemAdded]", "[shop.ItemAdded, ItemAdded]")
    .replace("AddItem: {", "AddItm: {")
)


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.proto").write_text(PROTO)
    (tmp_path / "service.yaml").write_text(SPEC)
    return tmp_path / "service.yaml"


def test_fix_mends_in_rounds_and_shows_how(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_bytes(b"\xef\xbb\xbf" + BROKEN.encode())
    spec.chmod(0o640)
    assert main(["compile", ".", "--fix"]) == 0
    assert spec.read_bytes() == b"\xef\xbb\xbf" + SPEC.encode()
    assert spec.stat().st_mode & 0o777 == 0o640
    told = capsys.readouterr()
    for code in ("CS1005", "CS1011", "CS2003", "CS2004", "CS3009"):
        assert f"fixed {code} at service.yaml:" in told.err
    assert "-      state: shop.Itms  # what is in it\n+      state: shop.Items  # what is in it\n" in told.err
    assert "compiled shop to generated/shop/" in told.out
    assert main(["compile", ".", "--fix"]) == 0
    assert "fixed" not in capsys.readouterr().err


def test_fix_leaves_what_it_cannot_mend(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(BROKEN.replace("name: shop", "name: Shop_1"))
    assert main(["compile", ".", "--fix"]) == 1
    assert spec.read_text() == SPEC.replace("name: shop", "name: Shop_1")
    assert "error[CS2009]" in capsys.readouterr().err
    assert sorted(path.name for path in spec.parent.iterdir()) == ["service.yaml", "shop.proto"]


def test_an_edit_that_does_not_help_is_taken_back(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SPEC.replace("state: shop.Items", "state: shop.Itms")
    spec.write_text(broken)
    monkeypatch.setattr("cloudstate.cli.fixing._helps", lambda *_: False)
    assert main(["compile", ".", "--fix"]) == 1
    assert spec.read_text() == broken


def test_fix_is_not_for_dry_runs(spec: Path) -> None:
    spec.write_text(BROKEN)
    assert main(["compile", ".", "--fix", "--check"]) == 2
    assert spec.read_text() == BROKEN


def test_a_baseline_knows_findings_wherever_they_move(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", ".", "--strict"]) == 1
    assert main(["compile", ".", "--strict", "--write-baseline", "known.json"]) == 0
    assert [entry["code"] for entry in json.loads(Path("known.json").read_text())["findings"]] == [
        "CS2014",
        "CS2008",
    ]
    Path("shop.proto").write_text(f"// moved\n\n{PROTO}")
    capsys.readouterr()
    assert main(["compile", ".", "--strict", "--baseline", "known.json"]) == 0
    assert "CS2008" not in capsys.readouterr().err
    Path("shop.proto").write_text(f"{PROTO}service Other {{ rpc Say(Get) returns (Items) {{}} }}\n")
    assert main(["compile", ".", "--strict", "--baseline", "known.json"]) == 1
    assert "`shop.Other`" in capsys.readouterr().err


def test_errors_are_known_to_check_and_never_to_compile(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(BROKEN)
    assert main(["check", ".", "--write-baseline", "known.json"]) == 0
    assert main(["check", ".", "--baseline", "known.json"]) == 0
    assert main(["compile", ".", "--baseline", "known.json"]) == 1
    assert "error[CS2004]" in capsys.readouterr().err


def test_no_baseline_hides_data_loss(spec: Path) -> None:
    assert main(["release", "."]) == 0
    Path("shop.proto").write_text(PROTO.replace("string item = 1", "string item = 2"))
    assert main(["check", ".", "--write-baseline", "known.json"]) == 4
    assert main(["check", ".", "--baseline", "known.json"]) == 4


@pytest.mark.parametrize("text", [None, "[]"])
def test_what_is_no_baseline_is_a_mistake_of_use(spec: Path, text: str | None) -> None:
    if text is not None:
        Path("known.json").write_text(text)
    with pytest.raises(SystemExit) as left:
        main(["check", ".", "--baseline", "known.json"])
    assert left.value.code == 2


def test_a_baseline_that_cannot_be_written(spec: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main(["check", ".", "--write-baseline", "no/such/folder.json"])
    assert left.value.code == 3


def test_select_shows_and_counts_some(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(BROKEN)
    assert main(["check", ".", "--select", "CS2004,unknown-message"]) == 1
    told = capsys.readouterr().err
    assert "CS2004" in told
    assert "CS2003" in told
    assert "CS1005" not in told
    assert main(["check", ".", "--select", "CS4"]) == 0
    assert main(["compile", ".", "--select", "CS4"]) == 1
    with pytest.raises(SystemExit):
        main(["check", ".", "--select", "CS77"])


def test_watch_looks_again_after_a_change(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = iter([SPEC, BROKEN, SPEC])

    def wait(_: float) -> None:
        text = next(texts, None)
        if text is None:
            raise KeyboardInterrupt
        if text != spec.read_text():
            spec.write_text(text)

    monkeypatch.setattr("time.sleep", wait)
    assert main(["check", ".", "--watch"]) == 0
    told = capsys.readouterr().err
    assert told.count("watching; Ctrl-C ends") == 3
    assert told.count("error[CS2004]") == 1


def test_watch_ends_with_the_last_exit_code(spec: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert watch(["."], lambda: 4, interrupted) == 4


def test_what_is_watched(spec: Path) -> None:
    for name in ("generated/a.py", ".git/b.py", "protos/c.proto", "notes.txt", "cart.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("")
    os.symlink("nowhere", "gone.py")
    assert sorted(stamps(["service.yaml"])) == ["cart.py", "protos/c.proto", "service.yaml", "shop.proto"]
