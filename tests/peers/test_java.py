"""The Java support library behind our proxy, and alone, in the kit's cases of event-sourced entities.

Version 0.6.0 speaks the protocol as it is now. Maven Central has been seen without it; 0.5.2, which is there, speaks
the version before: on the wire the same for event-sourced entities, except that it knows of no passivation. It also
loses side effects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import grpc
import pytest
from tests.conformance.protocol import players_function as functions
from tests.conformance.protocol.case import Ask, Case, Passivate, Role, Step, load_cases
from tests.peers import java
from tests.peers.between import between, play_case, proxy_cases

VERSIONS = ("0.6.0", "0.5.2")


def applies(case: Case) -> bool:
    """Whether a case is about what the model has: not services that leave memory soon."""
    return not any(isinstance(it, Passivate) or (isinstance(it, Ask) and it.at == "configured") for it in case.steps)


CASES = [case for case in proxy_cases("event-sourced", "reflection") if applies(case)]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def address(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the function of a version listens."""
    scratch = tmp_path_factory.mktemp("java_support")
    class_path = java.compiled(java.jars(version, scratch), scratch)
    with java.serving(class_path, scratch / "log") as where:
        yield where


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_behind_our_proxy(version: str, address: str, case: Case) -> None:
    steps = case.steps if version != "0.5.2" else tuple(it for it in case.steps if not effects(it))
    async with between(address, "--no-version-check") as (play, _):
        await play_case(play, replace(case, steps=steps))


@pytest.mark.parametrize("case", load_cases(Role.FUNCTION, "event-sourced"), ids=lambda case: case.id)
async def test_our_cases_are_those_of_the_reference(
    request: pytest.FixtureRequest, version: str, channel: grpc.aio.Channel, case: Case
) -> None:
    if version == "0.5.2" and any(map(effects, case.steps)):
        request.applymarker(pytest.mark.xfail(reason="0.5.2 makes side effects, and sends none", strict=True))
    await functions.play_case(channel, case)


def effects(step: Step) -> tuple[str, ...]:
    """The side effects of a step."""
    return step.effects if isinstance(step, Ask) else ()
