"""The generated manifests and the cluster commands against a real API server, where the environment names one.

docs/cluster-commands.md says how to have one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.processes import ROOT
from tests.servers import api_server
from tests.service_models import read_service

from cloudstate.cli import main
from cloudstate.compiler.backends import kubernetes

CASES = sorted(path for path in (ROOT / "tests/golden/backends/cases").iterdir() if path.is_dir())
#: What brings kinds of its own is asked of the validators, not of a bare API server.
_FOREIGN = (".istio.io", "gateway.networking.k8s.io", "knative.dev", "monitoring.coreos.com")

pytestmark = pytest.mark.skipif(
    not api_server.is_given(), reason="no API server: set CLOUDSTATE_KUBECONFIG, or CLOUDSTATE_KUBE_APISERVER and _ETCD"
)


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with api_server.real_api_server(tmp_path_factory.mktemp("api")) as path:
        yield path


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

    def __init__(self, case: Path, root: Path, kubeconfig: Path, namespace: str) -> None:
        service = read_service(case)
        self.name = service.name
        self.folder = root / "spec"
        self.manifests = root / "spec" / "generated" / service.name / "manifests"
        self.at = ("--kubeconfig", str(kubeconfig), "--namespace", namespace)
        for path, content in kubernetes.emit(service).items():
            if not any(it.encode() in content for it in _FOREIGN) or path.endswith("kustomization.yaml"):
                target = self.manifests.parent / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        (self.manifests / "kustomization.yaml").unlink()
        (self.manifests.parent / "service.json").write_text("{}")
        (self.folder / "service.yaml").write_text(f"metadata: {{name: {service.name}}}\n")

    def run(self, command: str, *more: str) -> int:
        return main([command, str(self.folder), *self.at, *more])


@pytest.mark.parametrize("case", CASES, ids=[it.name for it in CASES])
def test_a_golden_case_is_accepted_and_then_nothing_differs(
    case: Path, tmp_path: Path, kubeconfig: Path, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(case, tmp_path, kubeconfig, namespace)
    assert project.run("diff") == 1
    assert project.run("apply") == 0, capsys.readouterr().err
    capsys.readouterr()
    assert project.run("diff") == 0, capsys.readouterr().out
    assert project.run("verify") == 0, capsys.readouterr().out
    assert project.run("apply") == 0
    assert {it.rpartition(" ")[2] for it in capsys.readouterr().out.splitlines()[1:]} == {"unchanged"}
    for workload in project.manifests.glob("workload.yaml"):
        # Its pod is what the restricted standard is asked about; no controller makes one here.
        words = ["create", "-n", namespace, "--dry-run=server", "-f", "-"]
        kubectl(kubeconfig, *words, given=json.dumps(pod_of(workload, kubeconfig)))


def pod_of(workload: Path, kubeconfig: Path) -> dict[str, object]:
    import yaml

    template = yaml.safe_load(workload.read_text())["spec"]["template"]
    spec = template["spec"]
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
    metadata = {"generateName": "pod-", "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "volumes": volumes}}


def test_a_conflict_names_the_other_manager(
    tmp_path: Path, kubeconfig: Path, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(next(it for it in CASES if it.name == "value-entity"), tmp_path, kubeconfig, namespace)
    assert project.run("apply") == 0
    config = f"{project.name}-config"
    patch = json.dumps({"data": {"HTTP_PORT": "1"}})
    kubectl(kubeconfig, "patch", "configmap", config, "-n", namespace, "--field-manager=rancher", "-p", patch)
    assert project.run("apply") == 1
    assert "`data.HTTP_PORT` belongs to `rancher`" in capsys.readouterr().err
    assert project.run("verify") == 1
    assert project.run("apply", "--force-conflicts") == 0
    assert project.run("verify") == 0


def test_an_autoscaler_is_never_fought_over(tmp_path: Path, kubeconfig: Path, namespace: str) -> None:
    project = Project(next(it for it in CASES if it.name == "autoscale"), tmp_path, kubeconfig, namespace)
    assert project.run("apply") == 0
    at = ("statefulset", project.name, "-n", namespace)
    scale = ["patch", *at, "--subresource=scale", "--type=merge", "--field-manager=kube-controller-manager"]
    kubectl(kubeconfig, *scale, "-p", json.dumps({"spec": {"replicas": 7}}))
    assert project.run("diff") == 0
    assert project.run("apply", "--force-conflicts") == 0
    assert kubectl(kubeconfig, "get", *at, "-o", "jsonpath={.spec.replicas}") == "7"


def test_what_left_the_project_is_deleted(tmp_path: Path, kubeconfig: Path, namespace: str) -> None:
    project = Project(next(it for it in CASES if it.name == "value-entity"), tmp_path, kubeconfig, namespace)
    kubectl(kubeconfig, "create", "configmap", "foreign", "-n", namespace)
    assert project.run("apply") == 0
    (project.manifests / "peers.yaml").unlink()
    assert project.run("diff") == 1
    assert project.run("apply") == 0
    assert project.run("diff") == 0
    names = kubectl(kubeconfig, "get", "services,configmaps", "-n", namespace, "-o", "name").split()
    assert f"service/{project.name}-peers" not in names
    assert {f"service/{project.name}", "configmap/foreign"} <= set(names)
