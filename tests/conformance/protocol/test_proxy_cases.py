"""The kit's proxy cases: our proxy before a scripted function (role ``proxy``), and before the example entities
(role ``stack``). Clients get what the case says, and between proxy and function passes what it says, to the last field.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.conformance.protocol.case import Case, Discover, Role, load_cases
from tests.conformance.protocol.exclusions import parameters
from tests.conformance.protocol.players import Play, play_action, play_entity, play_event_log, play_reflection
from tests.conformance.protocol.script import Script
from tests.conformance.protocol.scripted import proxied
from tests.conformance.protocol.wire import Wire
from tests.processes import ROOT

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.compat import NONE, REFERENCE, Compat
from cloudstate.runtime.description import load
from cloudstate.runtime.function.remote.discovery import proxy_info
from cloudstate.runtime.support import UserFunction
from cloudstate.runtime.support.function import entity_spec

SETTINGS = [
    pytest.param(Role.PROXY, REFERENCE, id="proxy"),
    pytest.param(Role.STACK, REFERENCE, id="stack"),
    pytest.param(Role.STACK, NONE, id="stack-ours"),
]


def cases(model: str) -> list[Any]:
    """Cases of all settings, as parameters."""
    made = []
    for setting in SETTINGS:
        role, compat = setting.values
        assert isinstance(role, Role)
        for case in parameters(role, load_cases(role, model)):
            name = f"{setting.id}-{case.id}"
            made.append(pytest.param(role, compat, *case.values, id=name, marks=case.marks))
    return made


@asynccontextmanager
async def playing(role: Role, compat: Compat) -> AsyncIterator[Play]:
    """The kit's services behind a proxy: scripted, or our own."""
    generated, code = ROOT / "generated" / "tck", ROOT / "specs" / "tck"
    description = load(generated)
    spec = entity_spec(description)
    script = Script(spec)
    methods = script.methods
    if role is Role.STACK:
        functions = load_functions(description, generated, code)
        methods = UserFunction(description, functions.entities, functions.actions, functions.crdts).methods
    wire = Wire(methods, entity_metadata=compat.entity_metadata)
    async with proxied(spec, compat=compat, real=wire.methods) as stack:
        yield Play(stack, wire, [entity.service for entity in description.entities], script.begin)
        assert script.reported == []


@pytest.mark.parametrize(("role", "compat", "case"), cases("event-sourced") + cases("value"))
async def test_entity(role: Role, compat: Compat, case: Case) -> None:
    async with playing(role, compat) as play:
        await play_entity(play, case)


@pytest.mark.parametrize(("role", "compat", "case"), cases("action"))
async def test_action(role: Role, compat: Compat, case: Case) -> None:
    async with playing(role, compat) as play:
        await play_action(play, case)


@pytest.mark.parametrize(("role", "compat", "case"), cases("discovery"))
async def test_discovery(role: Role, compat: Compat, case: Case) -> None:
    [said] = case.steps
    assert isinstance(said, Discover)
    info = proxy_info("1")
    assert (info.protocol_major_version, info.protocol_minor_version) == said.version
    assert sorted(info.supported_entity_types) == sorted(said.supported)


@pytest.mark.parametrize(("role", "compat", "case"), cases("reflection"))
async def test_reflection(role: Role, compat: Compat, case: Case) -> None:
    async with playing(role, compat) as play:
        await play_reflection(play, case)


@pytest.mark.parametrize(("role", "compat", "case"), cases("eventing"))
async def test_event_log(role: Role, compat: Compat, case: Case) -> None:
    async with playing(role, compat) as play:
        await play_event_log(play, case)
