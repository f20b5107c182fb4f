"""The API server, as the commands need it. The only module that imports ``kubernetes``.

Paths come from the server's own discovery, asked once for each API version: custom resources need nothing special.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from cloudstate.compiler.cluster.conflicts import conflicts_of
from cloudstate.compiler.cluster.errors import (
    ChangedMeanwhile,
    ClusterUnusable,
    FieldsTaken,
    KindsUnknown,
    NamespaceMissing,
    NotAllowed,
    ObjectRefused,
)
from cloudstate.compiler.cluster.objects import FIELD_MANAGER, Object, Ref

if TYPE_CHECKING:
    from kubernetes.dynamic import DynamicClient

#: Seconds to connect, seconds to answer.
_PATIENCE = (5, 60)


class Cluster:
    """One API server, as one user.

    Attributes:
        namespace: where objects go that name no namespace.
    """

    def __init__(self, client: DynamicClient, namespace: str) -> None:
        self.namespace = namespace
        self._client = client
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._client.client.rest_client.pool_manager.clear()

    def missing(self, refs: list[Ref]) -> list[Ref]:
        """Those whose kind the server does not know."""
        return [it for it in refs if it.kind not in self._kinds(it)]

    def get(self, ref: Ref) -> Object | None:
        """The live object, or None."""
        if self.missing([ref]):
            return None
        return self._answer("get", self._path(ref), ref, absent=True)

    def all_like(self, like: Ref, labels: str = "") -> list[Object]:
        """The live objects of the kind and namespace of ``like``; none, if the kind is unknown."""
        if self.missing([like]):
            return []
        query = [("labelSelector", labels)] if labels else []
        answer = self._answer("get", self._path(like._replace(name="")), like, query) or {}
        # Items of a list do not say what they are.
        return [{"apiVersion": like.api_version, "kind": like.kind, **it} for it in answer.get("items", ())]

    def apply(self, ref: Ref, manifest: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        """Apply on the server. Returns the object as it is then, or as it would be.

        Raises:
            FieldsTaken: others own fields that it would change, and ``force`` is not set.
            ObjectRefused: it is not valid, for the schema or for an admission rule.
            ChangedMeanwhile: the manifest has a resourceVersion, and that is not the live one any more.
            ClusterUnusable: all else.
        """
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), ("force", str(force).lower())]
        query += [("dryRun", "All")] if dry_run else []
        answer = self._answer("patch", self._path(ref), ref, query, manifest)
        assert answer is not None
        return answer

    def delete(self, live: Object, ref: Ref) -> None:
        """Delete exactly this object: one of the same name that somebody makes meanwhile stays."""
        metadata = live["metadata"]
        conditions = {key: metadata[key] for key in ("uid",) if key in metadata}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
        self._answer("delete", self._path(ref), ref, body={**body, "preconditions": conditions}, absent=True)

    def _path(self, ref: Ref) -> str:
        if self.missing([ref]):
            raise KindsUnknown([ref])
        plural, is_namespaced = self._kinds(ref)[ref.kind]
        space = f"/namespaces/{ref.namespace}" if is_namespaced else ""
        return f"{_root(ref)}{space}/{plural}" + (f"/{ref.name}" if ref.name else "")

    def _kinds(self, ref: Ref) -> dict[str, tuple[str, bool]]:
        """The kinds of an API version: what paths call them, and whether they lie in namespaces."""
        root = _root(ref)
        if root not in self._known:
            answer = self._answer("get", root, ref, absent=True) or {}
            listed = [it for it in answer.get("resources", ()) if "/" not in it["name"]]
            self._known[root] = {it["kind"]: (it["name"], it["namespaced"]) for it in listed}
        return self._known[root]

    def _answer(
        self,
        verb: str,
        path: str,
        ref: Ref,
        query: list[tuple[str, str]] | None = None,
        body: Object | None = None,
        *,
        absent: bool = False,
    ) -> dict[str, Any] | None:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        content = {"content_type": "application/apply-patch+yaml"} if verb == "patch" else {}
        asked: dict[str, Any] = {"query_params": list(query or ()), "header_params": {}, "_request_timeout": _PATIENCE}
        try:
            response = self._client.request(verb, path, body=body, serialize=False, **asked, **content)
            answer: dict[str, Any] = json.loads(response.data)
            return answer
        except ApiException as error:
            status = _status(error.body)
            if absent and error.status == 404:
                return None
            _refuse(error.status or 0, status, ref)
        except HTTPError as error:
            host = self._client.configuration.host
            raise ClusterUnusable(
                f"the API server at {host} does not answer: {_short(error)}\n"
                "  help: see whether `kubectl version` reaches it; `--context` names another one"
            ) from error


def connect(kubeconfig: str | None, context: str | None, namespace: str | None) -> Cluster:
    """The cluster that kubectl would use.

    Raises:
        ClusterUnusable: the package is not installed, or there is no configuration for it.
    """
    try:
        from kubernetes import config
        from kubernetes.dynamic import DynamicClient
    except ImportError as error:
        raise ClusterUnusable(
            f"the package kubernetes is not installed: {error}\n  help: install `cloudstate-py[kubernetes]`"
        ) from error
    try:
        api = config.new_client_from_config(config_file=kubeconfig, context=context, persist_config=False)
        contexts, active = config.list_kube_config_contexts(config_file=kubeconfig)
    except (config.ConfigException, OSError) as error:
        raise ClusterUnusable(
            f"there is no cluster to speak to: {error}\n  help: give `--kubeconfig FILE`, or set $KUBECONFIG"
        ) from error
    chosen = next((it for it in contexts if it["name"] == context), active)
    default = (chosen.get("context") or {}).get("namespace") or "default"
    # Discovery is our own: the client's would keep what it has seen in a file that outlives the cluster.
    untyped: Any = DynamicClient
    return Cluster(untyped(api, discoverer=lambda *_: None), namespace or default)


def _root(ref: Ref) -> str:
    return f"/apis/{ref.group}/{ref.version}" if ref.group else f"/api/{ref.version}"


def _status(body: Any) -> Mapping[str, Any]:
    try:
        status = json.loads(body)
    except (TypeError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def _refuse(code: int, status: Mapping[str, Any], ref: Ref) -> NoReturn:
    message = str(status.get("message") or f"HTTP status {code}")
    if code == 409:
        conflicts = conflicts_of(status)
        raise FieldsTaken(ref, conflicts) if conflicts else ChangedMeanwhile(ref)
    if code == 404 and (status.get("details") or {}).get("kind") == "namespaces":
        raise NamespaceMissing(ref.namespace)
    if code in (401, 403) and "violates PodSecurity" not in message and "exceeded quota" not in message:
        raise NotAllowed(message)
    if code in (400, 403, 404, 413, 422):
        # What a server says about a secret may quote it.
        raise ObjectRefused(ref, "(not shown)" if ref.kind == "Secret" else message)
    raise ClusterUnusable(f"the API server fails: {message}\n  help: wait, and run the command again")


def _short(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error).rpartition(": ")[2]
