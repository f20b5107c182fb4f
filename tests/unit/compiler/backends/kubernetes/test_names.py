"""Names of objects."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from cloudstate.compiler.backends.kubernetes.names import config_name, object_name, peers_name, workload_name

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def test_short_names_stay() -> None:
    assert (object_name("shop"), peers_name("shop"), config_name("shop")) == ("shop", "shop-peers", "shop-config")


@given(st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True))
def test_all_names_are_labels(name: str) -> None:
    for made in (object_name(name), peers_name(name), config_name(name), workload_name(name)):
        assert LABEL.fullmatch(made)
        assert len(made) <= 63
    # A StatefulSet's revisions are labelled with its name and eleven characters more.
    assert len(workload_name(name)) <= 52


def test_names_that_are_cut_stay_distinct() -> None:
    one, two = peers_name("x" * 60 + "one"), peers_name("x" * 60 + "two")
    assert one != two
    assert one.startswith("x" * 40)
