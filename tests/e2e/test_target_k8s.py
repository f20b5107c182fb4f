"""``cloudstate compile --target-k8s``: the same spec for another Kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.unit.compiler.projects import CART, PROTO, spec_text, write_files

from cloudstate.cli import main
from cloudstate.compiler.model.deployment import KUBERNETES, OLDEST

WORKLOAD = Path("generated/shop/manifests/workload.yaml")


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service whose spec says nothing of Kubernetes, as the working directory."""
    write(tmp_path, "deploy: {image: 'registry.example/shop:1'}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, deploy: str) -> None:
    write_files(folder, {"protos/shop.proto": PROTO, "service.yaml": spec_text(CART, more=f"  {deploy}\n")})


def fields() -> tuple[bool, bool]:
    """Whether the workload sleeps by itself, and rolls by number."""
    spec = yaml.safe_load(WORKLOAD.read_text())["spec"]
    [container] = spec["template"]["spec"]["containers"]
    return "sleep" in container["lifecycle"]["preStop"], "updateStrategy" in spec


@pytest.mark.parametrize("version", KUBERNETES)
def test_fields_are_gated(version: str) -> None:
    minor = int(version.partition(".")[2])
    assert main(["compile", ".", "--target-k8s", version]) == 0
    assert fields() == (minor >= 30, minor >= 35)
    assert main(["lint", "generated/shop/manifests", "--target-k8s", version]) == 0


def test_the_flag_is_stronger_than_the_key(shop: Path) -> None:
    write(shop, "deploy: {image: 'registry.example/shop:1', kubernetes: '1.36'}")
    assert (main(["compile", "."]), fields()) == (0, (True, True))
    assert (main(["compile", ".", "--target-k8s", "1.29"]), fields()) == (0, (False, False))


def test_what_was_compiled_for_another_target_is_compiled_again(capsys: pytest.CaptureFixture[str]) -> None:
    for version, expected in (("1.29", (False, False)), ("1.37", (True, True)), ("1.29", (False, False))):
        assert (main(["compile", ".", "--target-k8s", version]), fields()) == (0, expected)
    capsys.readouterr()
    assert main(["compile", ".", "--target-k8s", "1.29"]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert (main(["compile", "."]), fields()) == (0, (True, False))
    assert OLDEST == "1.30"


def test_check_wants_the_same_flag() -> None:
    assert main(["compile", ".", "--target-k8s", "1.29"]) == 0
    assert main(["compile", ".", "--target-k8s", "1.29", "--check"]) == 0
    assert main(["compile", ".", "--check"]) == 1


def test_lint_tells_what_a_target_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", ".", "--target-k8s", "1.35"]) == 0
    assert main(["lint", "generated", "--target-k8s", "1.34"]) == 1
    assert "`maxUnavailable` is unknown to Kubernetes 1.34" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["1.28", "1.38", "1", "v1.31", ""])
def test_unknown_versions_are_a_usage_error(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["compile", ".", "--target-k8s", version])
    assert f"`{version}` is none of 1.29 to 1.37" in capsys.readouterr().err
