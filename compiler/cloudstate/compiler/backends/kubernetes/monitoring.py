"""Metrics: what collects them (an object of the Prometheus operator), and a dashboard for Grafana that shows them."""

from __future__ import annotations

import json

from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import dashboard_name, object_name
from cloudstate.compiler.model import Model, Service

_PREFIXES = {Model.EVENT_SOURCED: "cloudstate_eventsourced", Model.VALUE: "cloudstate_value"}
_WIDTH, _HEIGHT = 12, 8


def service_monitor(service: Service) -> Manifest:
    """The ServiceMonitor."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata(service, object_name(service.name), component="metrics"),
        "spec": {
            "selector": {"matchLabels": selector(service) | {"app.kubernetes.io/component": "service"}},
            "endpoints": [{"port": "http-metrics", "path": "/metrics", "interval": "30s"}],
        },
    }


def dashboard(service: Service) -> Manifest:
    """The ConfigMap that Grafana's sidecar reads dashboards from."""
    meta = metadata(service, dashboard_name(service.name), component="metrics")
    meta["labels"]["grafana_dashboard"] = "1"
    text = json.dumps(_board(service), indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {f"{service.name}.json": text}}


def _board(service: Service) -> Manifest:
    used = {_PREFIXES[entity.model] for entity in service.entities if entity.model in _PREFIXES}
    panels = [panel for prefix in sorted(used) for panel in _panels(service, prefix)]
    for index, panel in enumerate(panels):
        place = {"x": index % 2 * _WIDTH, "y": index // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
        panel |= {"id": index + 1, "gridPos": place}
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "title": f"CloudState: {service.name}",
        "uid": object_name(f"cloudstate-{service.name}", limit=40),
        "schemaVersion": 39,
        "tags": ["cloudstate"],
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def _panels(service: Service, prefix: str) -> list[Manifest]:
    of = f'{{service="{object_name(service.name)}"}}'

    def rate(name: str) -> str:
        return f"sum by (entity_name) (rate({prefix}_{name}_total{of}[5m]))"

    def quantile(name: str) -> str:
        buckets = f"sum by (le, entity_name) (rate({prefix}_{name}_seconds_bucket{of}[5m]))"
        return f"histogram_quantile(0.99, {buckets})"

    model = prefix.rpartition("_")[2]
    return [
        _panel(f"{model}: commands", rate("completed_commands"), "ops"),
        _panel(f"{model}: failed commands", rate("failed_commands"), "ops"),
        _panel(f"{model}: command time, 99 %", quantile("command_total_time"), "s"),
        _panel(f"{model}: persist time, 99 %", quantile("persist_time"), "s"),
        _panel(f"{model}: activations", rate("activated_entities"), "ops"),
        _panel(f"{model}: recovery time, 99 %", quantile("recovery_time"), "s"),
    ]


def _panel(title: str, expression: str, unit: str) -> Manifest:
    return {
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "expr": expression, "legendFormat": "{{entity_name}}"}],
    }
