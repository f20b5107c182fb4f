"""Upcasters in the YAML: names of messages that are declared, and of some that no longer are."""

from __future__ import annotations

from pathlib import Path

from tests.unit.compiler.projects import PROTO, read_files, service_of, spec_text

from cloudstate.compiler import checks

ENTITY = """\
    - service: shop.Cart
      model: event-sourced
      type: cart
      state: shop.Items
      events: [shop.Added]
      upcasters:
"""
OLD = PROTO + "\nmessage Put {}\n\nmessage Laid {}\n"


def spec(*upcasters: str) -> str:
    return spec_text(ENTITY + "".join(f"        - {upcaster}\n" for upcaster in upcasters))


def files(*upcasters: str) -> dict[str, str]:
    return {"service.yaml": spec(*upcasters), "protos/shop.proto": OLD}


def test_messages_may_be_declared_or_not(tmp_path: Path) -> None:
    (entity,) = service_of(
        tmp_path, files("{from: Put, to: Added}", "{from: shop.v1.Gone, to: shop.Items}", "{from: .shop.Laid, to: Put}")
    ).entities
    assert [(it.source, it.type is not None, it.target.full_name) for it in entity.upcasters] == [
        ("shop.Put", True, "shop.Added"),
        ("shop.v1.Gone", False, "shop.Items"),
        ("shop.Laid", True, "shop.Put"),
    ]


def test_a_target_must_be_declared(tmp_path: Path) -> None:
    _, findings = read_files(tmp_path, files("{from: shop.Gone, to: shop.Aded}"))
    assert [finding.message for finding in findings] == ["unknown message `shop.Aded`"]
    assert findings[0].helps == ("did you mean `shop.Added`?",)


def test_both_names_are_needed(tmp_path: Path) -> None:
    _, findings = read_files(tmp_path, files("{from: shop.Gone}", "{from: a.B, into: shop.Added}"))
    assert sorted(finding.code.name for finding in findings) == ["missing-key", "missing-key", "unknown-key"]


def test_upcasters_that_lead_on_are_fine(tmp_path: Path) -> None:
    result, findings = read_files(tmp_path, files("{from: Laid, to: Put}", "{from: Put, to: Added}"))
    assert findings == []
    assert [finding.code.name for finding in checks.check(result)] == []
