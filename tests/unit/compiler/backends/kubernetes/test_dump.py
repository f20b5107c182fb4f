"""The YAML writer: whatever a string looks like, it is read back as that string, by readers of old and new YAML."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.compiler.backends.kubernetes.dump import dump, dump_any


@given(st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.lists(st.text()), max_size=5))
def test_what_was_written_is_read(manifest: dict[str, object]) -> None:
    assert yaml.safe_load(dump(manifest, "# header")) == manifest


WORDS = st.text() | st.text(st.sampled_from("aZ09 ._/:-@\"\\{}[]#&*!|>'%`,?\n\té\x7f")) | st.just("yes")
VALUES = st.recursive(
    WORDS | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_the_quick_way_writes_what_pyyaml_writes(manifest: dict[str, object]) -> None:
    assert dump(manifest, "#").decode() == f"#\n{dump_any(manifest)}"


@pytest.mark.parametrize(
    "text", ["1e3", "0o7", "1_000", "yes", "NO", "on", "y", "~", "null", "1:30", "2026-01-01", "", "0x1f"]
)
def test_strings_that_others_would_misread_are_quoted(text: str) -> None:
    assert dump({"a": text}, "#") == f'#\na: "{text}"\n'.encode()


@pytest.mark.parametrize("text", ["shop", "kubernetes.io/h2c", "/var/lib", "registry.example/shop:1", "None"])
def test_plain_strings_are_plain(text: str) -> None:
    assert dump({"a": text}, "#") == f"#\na: {text}\n".encode()


def test_keys_keep_their_order_and_shared_values_get_no_anchor() -> None:
    shared = {"z": 1, "a": 2}
    assert dump({"b": shared, "a": shared}, "#").decode() == "#\nb:\n  z: 1\n  a: 2\na:\n  z: 1\n  a: 2\n"
