"""The kit's proxy cases of replicated entities, in the roles ``proxy`` and ``stack``. See ``test_proxy_cases``."""

from __future__ import annotations

import pytest
from tests.conformance.protocol.case import Case, Role
from tests.conformance.protocol.players_crdt import play_replicated_entity
from tests.conformance.protocol.test_proxy_cases import cases, playing

from cloudstate.runtime.compat import Compat


@pytest.mark.parametrize(("role", "compat", "case"), cases("crdt"))
async def test_replicated_entity(role: Role, compat: Compat, case: Case) -> None:
    async with playing(role, compat) as play:
        await play_replicated_entity(play, case)
