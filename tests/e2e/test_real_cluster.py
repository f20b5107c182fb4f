"""The generated manifests and the cluster commands against a real API server, where the environment names one.

docs/cluster-commands.md says how to have one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import pytest
import yaml
from tests.golden.manifests.cases import files_of, pairs, read
from tests.processes import ROOT
from tests.servers import api_server, custom_kinds
from tests.service_models import read_service

from cloudstate.cli import main
from cloudstate.compiler.backends import kubernetes
from cloudstate.compiler.output.file_set import FileSet

CASES = sorted(path for path in (ROOT / "tests/golden/backends/cases").iterdir() if path.is_dir())

pytestmark = pytest.mark.skipif(
    not api_server.is_given(), reason="no API server: set CLOUDSTATE_KUBECONFIG, or CLOUDSTATE_KUBE_APISERVER and _ETCD"
)


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with api_server.real_api_server(tmp_path_factory.mktemp("api")) as path:
        if api_server.is_ours():
            kinds = {"apiVersion": "v1", "kind": "List", "items": custom_kinds.definitions()}
            kubectl(path, "apply", "--server-side", "-f", "-", given=json.dumps(kinds))
            kubectl(path, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield path


@pytest.fixture(scope="module")
def served(kubeconfig: Path) -> frozenset[str]:
    """The API versions that the server has. What it lacks is left out: of meshes, unless their schemas are here."""
    return frozenset(kubectl(kubeconfig, "api-versions").split())


def kubectl(kubeconfig: Path, *words: str, given: str = "") -> str:
    program = Path(sys.executable).with_name("kubectl")
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run([program, *words], env=environment, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def namespace(kubeconfig: Path) -> Iterator[str]:
    """A namespace that lets in only pods of the restricted standard."""
    name = f"cloudstate-test-{uuid4().hex[:8]}"
    labels = {f"pod-security.kubernetes.io/{it}": "restricted" for it in ("enforce", "warn")}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    kubectl(kubeconfig, "apply", "-f", "-", given=json.dumps(body))
    yield name
    kubectl(kubeconfig, "delete", "namespace", name, "--wait=false")


class Project:
    """A golden case as a compiled project."""

    def __init__(self, name: str, files: FileSet, root: Path, served: frozenset[str], at: Sequence[str]) -> None:
        self.name = name
        self.folder = root / "spec"
        self.manifests = root / "spec" / "generated" / name / "manifests"
        self.manifests.mkdir(parents=True)
        self._at = at
        for path, content in files.items():
            manifest = yaml.safe_load(content) if path.endswith(".yaml") else {}
            if manifest.get("apiVersion") in served and "namespace" not in manifest["metadata"]:
                (self.manifests / Path(path).name).write_bytes(content)
        (self.manifests.parent / "service.json").write_text("{}")
        (self.folder / "service.yaml").write_text(f"metadata: {{name: {name}}}\n")

    def run(self, command: str, *more: str) -> int:
        return main([command, str(self.folder), *self._at, *more])


Make: TypeAlias = Callable[[str, FileSet], Project]


@pytest.fixture
def make(tmp_path: Path, kubeconfig: Path, namespace: str, served: frozenset[str]) -> Make:
    """Makes projects that belong into the namespace."""
    at = ("--kubeconfig", str(kubeconfig), "--namespace", namespace)
    return lambda name, files: Project(name, files, tmp_path, served, at)


def of_backends(make: Make, case: str) -> Project:
    service = read_service(next(it for it in CASES if it.name == case))
    return make(service.name, kubernetes.emit(service))


@pytest.mark.parametrize("case", [it.name for it in CASES])
def test_a_golden_case_is_accepted_and_then_nothing_differs(
    case: str, make: Make, kubeconfig: Path, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = of_backends(make, case)
    assert project.run("diff") == 1
    assert project.run("apply") == 0, capsys.readouterr().err
    capsys.readouterr()
    assert project.run("diff") == 0, capsys.readouterr().out
    assert project.run("verify") == 0, capsys.readouterr().out
    assert project.run("apply") == 0
    assert {it.rpartition(" ")[2] for it in capsys.readouterr().out.splitlines()[1:]} == {"unchanged"}
    make_pods(project, kubeconfig, namespace)


@pytest.mark.parametrize(("case", "target"), pairs(), ids=[f"{case}--{target}" for case, target in pairs()])
def test_every_golden_is_accepted_and_then_nothing_differs(
    case: str, target: str, make: Make, kubeconfig: Path, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make(read(case).name, files_of(case, target))
    assert project.run("apply") == 0, capsys.readouterr().err
    capsys.readouterr()
    assert project.run("diff") == 0, capsys.readouterr().out
    make_pods(project, kubeconfig, namespace)


@pytest.mark.skipif(not custom_kinds.CRDS.is_dir(), reason="the CRD schemas (../shared/crds) are not here")
@pytest.mark.skipif(not api_server.is_ours(), reason="the cluster has the kinds that it has")
def test_no_kind_is_left_out(served: frozenset[str]) -> None:
    files = [files_of(case, target) for case, target in pairs()]
    objects = [yaml.safe_load(it) for one in files for path, it in one.items() if path.endswith(".yaml")]
    assert {it["apiVersion"] for it in objects if it["kind"] != "Kustomization"} <= served


def make_pods(project: Project, kubeconfig: Path, namespace: str) -> None:
    """Ask for the pods of the workloads: the restricted standard is held against them, and no controller makes any."""
    for workload in project.manifests.glob("workload.yaml"):
        words = ["create", "-n", namespace, "--dry-run=server", "-f", "-"]
        kubectl(kubeconfig, *words, given=json.dumps(pod_of(workload)))


def pod_of(workload: Path) -> dict[str, object]:
    template = yaml.safe_load(workload.read_text())["spec"]["template"]
    # What Knative says beside the pod is no part of it.
    spec = {key: it for key, it in template["spec"].items() if key not in ("containerConcurrency", "timeoutSeconds")}
    # The claims of a StatefulSet become volumes of its pods when they are made.
    known = {it["name"] for it in spec.get("volumes", [])}
    mounts = [
        it
        for part in ("containers", "initContainers")
        for one in spec.get(part, [])
        for it in one.get("volumeMounts", [])
    ]
    claims = sorted({it["name"] for it in mounts} - known)
    volumes = [*spec.get("volumes", []), *({"name": it, "persistentVolumeClaim": {"claimName": it}} for it in claims)]
    metadata = {"generateName": "pod-", "labels": template["metadata"].get("labels", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "volumes": volumes}}


def test_a_conflict_names_the_other_manager(
    make: Make, kubeconfig: Path, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = of_backends(make, "value-entity")
    assert project.run("apply") == 0
    config = f"{project.name}-config"
    patch = json.dumps({"data": {"HTTP_PORT": "1"}})
    kubectl(kubeconfig, "patch", "configmap", config, "-n", namespace, "--field-manager=rancher", "-p", patch)
    assert project.run("apply") == 1
    assert "`data.HTTP_PORT` belongs to `rancher`" in capsys.readouterr().err
    assert project.run("verify") == 1
    assert project.run("apply", "--force-conflicts") == 0
    assert project.run("verify") == 0


def test_an_autoscaler_is_never_fought_over(make: Make, kubeconfig: Path, namespace: str) -> None:
    project = of_backends(make, "autoscale")
    assert project.run("apply") == 0
    at = ("statefulset", project.name, "-n", namespace)
    scale = ["patch", *at, "--subresource=scale", "--type=merge", "--field-manager=kube-controller-manager"]
    kubectl(kubeconfig, *scale, "-p", json.dumps({"spec": {"replicas": 7}}))
    assert project.run("diff") == 0
    assert project.run("apply", "--force-conflicts") == 0
    assert kubectl(kubeconfig, "get", *at, "-o", "jsonpath={.spec.replicas}") == "7"


def test_what_left_the_project_is_deleted(make: Make, kubeconfig: Path, namespace: str) -> None:
    project = of_backends(make, "value-entity")
    kubectl(kubeconfig, "create", "configmap", "foreign", "-n", namespace)
    assert project.run("apply") == 0
    (project.manifests / "peers.yaml").unlink()
    assert project.run("diff") == 1
    assert project.run("apply") == 0
    assert project.run("diff") == 0
    listed = json.loads(kubectl(kubeconfig, "get", "services,configmaps", "-n", namespace, "-o", "json"))["items"]
    # A bare API server has no garbage collector, which would end what is being deleted.
    names = {it["metadata"]["name"] for it in listed if "deletionTimestamp" not in it["metadata"]}
    assert f"{project.name}-peers" not in names
    assert {project.name, "foreign"} <= names
