"""How many: from the service, from its settings, or from what the operator does where nothing is said."""

from __future__ import annotations

from typing import Any

from cloudstate.compiler.diagnostics import Sink, codes
from cloudstate.compiler.migration.documents import SETTINGS, Document, problem_of
from cloudstate.compiler.migration.fields import Fields
from cloudstate.compiler.source import Mapping, ProblemKind, Source
from cloudstate.compiler.source.yaml_nodes import parse

#: What the operator's second generation does without settings.
_DEFAULT = {"min": 1, "max": 10, "cpu": 80}
_KEYS = {"min": "minReplicas", "max": "maxReplicas", "cpu": "cpuUtilizationThreshold"}
_FILE = "config.yaml"
_PROXY = "leave it out: `deploy.proxy` and `deploy.resources` say what the proxy is and gets"
_FUNCTION = "leave it out: the operator does not read it"
_UNREAD = "leave it out: no operator reads it"


def convert_scaling(document: Document, settings: Document | None, is_first: bool, sink: Sink) -> dict[str, Any]:
    """What ``deploy`` says of the number of replicas."""
    fields = Fields(sink)
    replicas = fields.number(document.spec, "replicas")
    fixed = {"replicas": replicas.value} if replicas else {}
    if is_first:
        return _first(document, fixed, fields, sink)
    if settings is None:
        found = codes.AUTOSCALE_ASSUMED.at(document.name.span, name=document.name.value)
        sink.add(found.note(f"give the ConfigMap `{SETTINGS}{document.name.value}` too, if there is one"))
        return {"autoscale": _DEFAULT}
    scaler = _scaler(settings, fields, sink)
    is_on = fields.flag(scaler, "enabled")
    if is_on is not None and not is_on.value:
        return fixed
    given = {ours: fields.number(scaler, theirs) for ours, theirs in _KEYS.items()}
    return {"autoscale": _DEFAULT | {key: number.value for key, number in given.items() if number is not None}}


def _first(document: Document, fixed: dict[str, Any], fields: Fields, sink: Sink) -> dict[str, Any]:
    scaler = fields.mapping(document.spec, "autoscaling")
    is_on = fields.flag(scaler, "enabled")
    if scaler is None or (is_on is not None and not is_on.value):
        return fixed
    entry = document.spec.get("autoscaling")
    if entry is not None:
        found = codes.AUTOSCALE_CHANGED.at(entry.key_span, "counts requests", name=document.name.value)
        sink.add(found.help("look at the bounds and the utilisation in `deploy.autoscale`"))
    return {"autoscale": _DEFAULT}


def _scaler(settings: Document, fields: Fields, sink: Sink) -> Mapping | None:
    """The autoscaler in a ConfigMap, whose ``config.yaml`` is a file in a file; the operator makes it of comments."""
    text = fields.text(fields.mapping(settings.body, "data"), _FILE)
    if text is None:
        return None
    node, problems = parse(Source(f"{text.span.source.name}#{_FILE}", text.value))
    sink.extend(problem_of(it) for it in problems if it.kind is not ProblemKind.EMPTY)
    inner = node if isinstance(node, Mapping) else None
    fields.left(inner, ("autoscaler",), {"proxy": _PROXY, "userFunction": _FUNCTION}, _UNREAD)
    scaler = fields.mapping(inner, "autoscaler")
    fields.left(scaler, ("enabled", *_KEYS.values()), {}, _UNREAD)
    return scaler
