"""Profiles of hypothesis: the usual one is bounded for CI; `make laws` takes the thorough one."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("usual", max_examples=60, deadline=None, print_blob=True)
settings.register_profile(
    "laws", max_examples=10_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# Replaced by the profile that --hypothesis-profile names.
settings.load_profile("usual")
