"""Entities come and go behind the proxy, and nothing is left of them: ``tests.bench.soak``, for a shorter time."""

from __future__ import annotations

from tests.bench.soak import soak


async def test_ten_thousand_activations() -> None:
    assert await soak(activations=10_000, resident=500)
