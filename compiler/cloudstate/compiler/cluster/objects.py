"""Kubernetes objects as plain values, and what names one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

#: A Kubernetes object, or a part of one. Nothing here changes one in place.
Object: TypeAlias = Mapping[str, Any]

#: Who we are to the API server.
FIELD_MANAGER = "cloudstate"
#: The digest of the manifest that was applied.
DIGEST = "cloudstate.io/digest"
#: The inventory that an object belongs to.
OWNER = "cloudstate.io/inventory"


class ManifestsUnreadable(Exception):
    """There are no manifests, or they are not what the compiler writes; says what to do."""


class Ref(NamedTuple):
    """What names an object. The version is how it is spoken to, not who it is: see ``identity``."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str

    @property
    def api_version(self) -> str:
        """As manifests say it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The same for every version of the API."""
        return (self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def ref_of(manifest: Object, namespace: str = "") -> Ref:
    """What names ``manifest``; it lies in ``namespace`` unless it says another."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    metadata = manifest["metadata"]
    return Ref(group, version, manifest["kind"], metadata.get("namespace") or namespace, metadata["name"])


def digest_of(manifest: Object) -> str:
    """The digest of what ``manifest`` says, however it is written."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def annotated(manifest: Object, inventory: str) -> dict[str, Any]:
    """``manifest`` as it is applied: it says its digest, and the inventory that it belongs to."""
    metadata = dict(manifest["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), DIGEST: digest_of(manifest), OWNER: inventory}
    return {**manifest, "metadata": metadata}


def annotation(live: Object, name: str) -> str:
    """An annotation, or nothing."""
    return str((live["metadata"].get("annotations") or {}).get(name, ""))


def read_manifests(folder: Path) -> list[Object]:
    """The objects of a folder: those that its kustomization lists, or else every YAML file.

    Raises:
        ManifestsUnreadable: there is no such folder, or something in it is no object.
    """
    if not folder.is_dir():
        raise ManifestsUnreadable(f"there is no {folder}\n  help: run `cloudstate compile` first")
    kustomization = folder / "kustomization.yaml"
    if kustomization.is_file():
        listed = [str(name) for document in _documents(kustomization) for name in document.get("resources", ())]
        paths = [folder / name for name in listed]
    else:
        paths = sorted(folder.glob("*.yaml"))
    found: list[Object] = []
    for path in paths:
        found += read_manifests(path) if path.is_dir() else _objects(path)
    return found


def _objects(path: Path) -> list[Object]:
    found = _documents(path)
    for document in found:
        if not (document.get("apiVersion") and document.get("kind") and document.get("metadata", {}).get("name")):
            raise ManifestsUnreadable(f"{path}: an object without apiVersion, kind or name")
    return found


def _documents(path: Path) -> list[Object]:
    try:
        documents = [it for it in yaml.safe_load_all(path.read_text("utf-8")) if it is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestsUnreadable(f"{path}: {error}\n  help: run `cloudstate compile` again") from error
    for document in documents:
        if not isinstance(document, dict):
            raise ManifestsUnreadable(f"{path}: this is no Kubernetes object")
    return documents
