"""What a scrape gets."""

from __future__ import annotations

import math

import pytest

from cloudstate.runtime.metrics import BUCKETS, EntityMetrics, Histogram, Summary, render


def test_a_duration_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.005, 0.0051, 10.0, 11.0):
        histogram.observe(seconds)
    assert histogram.counts[:2] == [2, 1]
    assert histogram.counts[-2:] == [1, 1]
    assert histogram.total == 21.0101


class Hands:
    """A clock that the test moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_summary_has_the_quantiles_of_the_last_minute_and_the_sum_of_all() -> None:
    clock = Hands()
    summary = Summary(clock.monotonic)
    assert all(map(math.isnan, summary.quantiles()))
    for seconds in range(1, 101):
        summary.observe(float(seconds))
    for found, exact in zip(summary.quantiles(), (50, 95, 99, 100), strict=True):
        assert exact <= found <= exact * 1.0501
    clock.now = 55.0
    summary.observe(0.0)
    clock.now = 65.0
    assert summary.quantiles() == [pytest.approx(1e-6, rel=0.06)] * 4
    clock.now = 200.0
    assert all(map(math.isnan, summary.quantiles()))
    assert (summary.count, summary.total) == (101, 5050.0)


def test_a_summary_is_written_with_its_quantiles() -> None:
    clock = Hands()
    carts = EntityMetrics("cloudstate_eventsourced", "cart", clock.monotonic)
    name = "cloudstate_eventsourced_entity_active_time_seconds"
    assert f'{name}{{entity_name="cart",quantile="0.5"}} NaN' in render([carts])
    carts.entity_active_time.observe(1.0)
    assert render([carts], [name]).splitlines()[1:] == [
        f"# TYPE {name} summary",
        *(f'{name}{{entity_name="cart",quantile="{of}"}} 1.0' for of in (0.5, 0.95, 0.99, 1.0)),
        f'{name}_sum{{entity_name="cart"}} 1.0',
        f'{name}_count{{entity_name="cart"}} 1',
    ]


def test_the_text_has_every_metric_of_every_type_with_one_head_each() -> None:
    carts, orders = EntityMetrics("cloudstate_eventsourced", "cart"), EntityMetrics("cloudstate_eventsourced", "order")
    wallets = EntityMetrics("cloudstate_value", "wallet")
    carts.persisted_events = 3
    orders.persist_time.observe(0.02)
    lines = render([wallets, orders, carts]).splitlines()
    assert 'cloudstate_eventsourced_persisted_events_total{entity_name="cart"} 3' in lines
    assert 'cloudstate_value_persisted_events_total{entity_name="wallet"} 0' in lines
    head = 'cloudstate_eventsourced_persist_time_seconds_bucket{entity_name="order"'
    buckets = [line for line in lines if line.startswith(head)]
    assert [line.rpartition(" ")[2] for line in buckets] == ["0", "0"] + ["1"] * (len(BUCKETS) - 1)
    assert buckets[-1].endswith('le="+Inf"} 1')
    assert 'cloudstate_eventsourced_persist_time_seconds_sum{entity_name="order"} 0.02' in lines
    types = [line for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types)) == 2 * 22


def test_a_scrape_can_ask_for_some() -> None:
    name = "cloudstate_value_completed_commands_total"
    text = render([EntityMetrics("cloudstate_value", "wallet")], [name])
    assert [line for line in text.splitlines() if not line.startswith("#")] == [f'{name}{{entity_name="wallet"}} 0']


def test_labels_are_escaped() -> None:
    assert r'{entity_name="a\"b\\c"}' in render([EntityMetrics("x", 'a"b\\c')])
