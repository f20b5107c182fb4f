"""An entry gets into a spec, and nothing else in its text changes."""

from __future__ import annotations

import pytest
import yaml

from cloudstate.compiler.scaffold import ScaffoldRefused, SpecEntry, add_to_spec

ENTRY = SpecEntry("new.proto", "new.New", ("service: new.New", "model: value", "commands:", "  Get: {effect: read}"))

BLOCK = """\
# My shop.
apiVersion: cloudstate.io/v1
metadata: {name: shop}
spec:
  protos:
    - a.proto   # the first
    # - b.proto is not ready

  entities:
  - service: a.A
    events: [a.Added,
             a.Removed]   # no more than these

  # Where the data is.
  store: {kind: sqlite}
"""


def test_everything_else_stays_as_it_is() -> None:
    assert add_to_spec(BLOCK, ENTRY) == BLOCK.replace("# the first\n", "# the first\n    - new.proto\n").replace(
        "# no more than these\n",
        "# no more than these\n  - service: new.New\n    model: value\n    commands:\n      Get: {effect: read}\n",
    )


@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        "spec:\n  protos: [a.proto]\n  entities: []\n",
        "spec: {protos: [a.proto], entities: [{service: a.A}]}\n",
        "spec:\n  entities:\n    - service: a.A",
        "spec:\n  entities:\n    - service: a.A  # end",
        "spec:\n  entities:\n    - service: a.A\n      docs: |\n        text\n        more\n  store: {}\n",
        "spec:\n  protos:\n  - a.proto\n  entities:\n  - service: a.A\n...\n",
        "spec:\n  entities:\n    -\n      service: a.A\n      commands:\n        Get: {}\n\n\n# bye\n",
        "spec:\n  entities: [\n    {service: a.A},  # one\n    {service: b.B}   # two\n  ]\n",
        'spec:\n  entities:\n    - "service": "a.A"\n  protos: ["a.proto", ]\n',
        "spec:\r\n  entities:\r\n    - service: a.A\r\n  protos:\r\n    - a.proto\r\n",
        "spec:\n  protos: [new.proto]\n  entities: [{service: a.A}]\n",
        "spec:\n  entities:\n    - service: a.Ü # ä\n",
    ],
)
def test_any_layout_is_extended(text: str) -> None:
    before, after = yaml.safe_load(text), yaml.safe_load(add_to_spec(text, ENTRY))
    before["spec"]["entities"].append({"service": "new.New", "model": "value", "commands": {"Get": {"effect": "read"}}})
    if "protos" in before["spec"] and "new.proto" not in before["spec"]["protos"]:
        before["spec"]["protos"].append("new.proto")
    assert after == before


@pytest.mark.parametrize("text", ["", "spec:\n", "spec: {entities: }\n", "[]\n", "spec: {entities: {a: b}}\n"])
def test_without_a_list_of_entities_the_author_is_told_what_to_add(text: str) -> None:
    with pytest.raises(ScaffoldRefused) as refused:
        add_to_spec(text, ENTRY)
    assert "    service: new.New\n" in refused.value.help


def test_a_service_is_added_once() -> None:
    with pytest.raises(ScaffoldRefused, match=r"already has an entity `new\.New`"):
        add_to_spec(add_to_spec(BLOCK, ENTRY), ENTRY)


def test_what_is_no_yaml_is_left_alone() -> None:
    with pytest.raises(ScaffoldRefused, match="not YAML"):
        add_to_spec("spec: [", ENTRY)
