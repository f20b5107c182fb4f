"""Those who judge manifests as data: the schemas of Kubernetes, those of meshes with their rules, the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cel
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]
from kubernetes import client
from pydantic import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT7

CRDS = Path(__file__).parents[4] / "shared" / "crds"
_SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
#: Kinds whose schema nobody here has.
_UNKNOWN = frozenset({"monitoring.coreos.com"})
_OWN_SCHEMA = ("istio.io", "gateway.networking.k8s.io", "knative.dev")


def schema_objections(manifest: dict[str, Any], version: str) -> list[str]:
    """Everything that the strict schema of a Kubernetes minor holds against an object of Kubernetes itself."""
    if _is_custom(manifest):
        return []
    return _told(_schema(version, manifest["apiVersion"], manifest["kind"]), manifest)


def crd_objections(manifest: dict[str, Any]) -> list[str]:
    """Everything that the schema of a mesh's kind and its CEL rules hold against an object.

    Skips the test if the schemas are not there.
    """
    if not _is_custom(manifest) or _group(manifest) in _UNKNOWN:
        return []
    if not CRDS.is_dir():
        pytest.skip("the CRD schemas (../shared/crds) are not here")
    found = _crds().get((_group(manifest), manifest["kind"]))
    if found is None:
        return [f"no such kind: {manifest['apiVersion']} {manifest['kind']}"]
    version, validator, schema = found
    if manifest["apiVersion"].partition("/")[2] != version:
        return [f"{manifest['apiVersion']}: the schema is of {version}"]
    filled = _filled(schema, manifest)
    return _told(validator, filled) + list(_rules(schema, filled, "$"))


def client_objections(manifest: dict[str, Any]) -> list[str]:
    """What the official client's models, which know neither other keys nor other types, hold against an object."""
    if _is_custom(manifest):
        return []
    version = manifest["apiVersion"].rpartition("/")[2]
    model: Any = getattr(client, f"{version.capitalize()}{manifest['kind']}")
    try:
        model.model_validate(manifest)
    except ValidationError as error:
        return [f"{'.'.join(map(str, it['loc']))}: {it['type']}" for it in error.errors()]
    return []


def _group(manifest: dict[str, Any]) -> str:
    group, _, version = str(manifest["apiVersion"]).partition("/")
    return group if version else ""


def _is_custom(manifest: dict[str, Any]) -> bool:
    group = _group(manifest)
    return group in _UNKNOWN or group.endswith(_OWN_SCHEMA)


def _told(validator: Any, manifest: object) -> list[str]:
    return sorted(f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest))


@cache
def _schema(version: str, api_version: str, kind: str) -> Draft7Validator:
    folder = _SCHEMAS / f"v{version}.0-local-strict"
    group, _, number = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], number)))
    return Draft7Validator(json.loads((folder / f"{name}.json").read_text()), registry=_registry(folder))


@cache
def _registry(folder: Path) -> Registry[Any]:
    definitions = json.loads((folder / "_definitions.json").read_text())
    registry: Registry[Any] = Registry().with_resource("_definitions.json", DRAFT7.create_resource(definitions))
    return registry


# -- the structural schemas of custom resources


@cache
def _crds() -> dict[tuple[str, str], tuple[str, Draft202012Validator, dict[str, Any]]]:
    found = {}
    for file in sorted(CRDS.glob("*.json")):
        for it in json.loads(file.read_text()):
            schema = it["openAPIV3Schema"]
            strict = _strict(schema)
            strict["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
            found[it["group"], it["kind"]] = (it["version"], Draft202012Validator(strict), schema)
    return found


def _strict(schema: Any, closed: bool = True) -> Any:
    """As JSON Schema, without what is known to nobody else; unknown keys are refused where the server drops them."""
    if not isinstance(schema, dict):
        return schema
    out = {key: value for key, value in schema.items() if not key.startswith("x-") and key not in ("default", "format")}
    if types := _types(schema):
        out["type"] = types
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            out[key] = [_strict(part, closed=False) for part in schema[key]]
    if "not" in schema:
        out["not"] = _strict(schema["not"], closed=False)
    for key in ("items", "additionalProperties"):
        if key in schema:
            out[key] = _strict(schema[key], closed)
    if "properties" in schema:
        out["properties"] = {name: _strict(part, closed) for name, part in schema["properties"].items()}
        if closed and not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            out["additionalProperties"] = False
    return out


def _types(schema: dict[str, Any]) -> list[str]:
    if schema.get("x-kubernetes-int-or-string"):
        return ["integer", "string"]
    return [schema["type"], *(["null"] if schema.get("nullable") else [])] if "type" in schema else []


def _filled(schema: dict[str, Any], value: Any) -> Any:
    """The value with the defaults of its schema: the server's rules see no other."""
    if isinstance(value, list):
        return [_filled(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    filled = {name: part["default"] for name, part in properties.items() if "default" in part} | value
    others = schema.get("additionalProperties")
    rest = others if isinstance(others, dict) else {}
    return {name: _filled(properties.get(name, rest), item) for name, item in filled.items()}


def _rules(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield from _rule(rule, value, path)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _rules(schema.get("items", {}), item, f"{path}[{index}]")
    elif isinstance(value, dict):
        others = schema.get("additionalProperties")
        rest = others if isinstance(others, dict) else {}
        for name, item in value.items():
            yield from _rules(schema.get("properties", {}).get(name, rest), item, f"{path}.{name}")


def _rule(rule: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if "url(" in rule["rule"] or "isURL(" in rule["rule"]:
        return  # functions that only an API server has
    try:
        holds = _program(rule["rule"]).execute({"self": value})
    except (ValueError, RuntimeError, TypeError) as error:
        yield f"{path}: the rule could not be judged: {rule['rule']}: {error}"
        return
    if not holds:
        yield f"{path}: {rule.get('message', rule['rule'])}"


@cache
def _program(rule: str) -> Any:
    return cel.compile(rule)
