"""Profiles of hypothesis: the usual one is bounded for CI; `make laws` and `make fuzz` take the thorough ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Derandomized: a change is judged by its own faults. New examples are the work of `make fuzz` and `make laws`.
settings.register_profile("usual", max_examples=60, deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "laws", max_examples=10_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("EXAMPLES", "1000")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# Replaced by the profile that --hypothesis-profile names.
settings.load_profile("usual")
