"""A real kube-apiserver with etcd, where the environment names the programs; or a real cluster, where it names one."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.postgresql import free_port

#: Seconds that the programs may take to serve.
PATIENCE = 120.0
TOKEN = "test"  # of the server's only user, on loopback


def is_given() -> bool:
    """Whether the environment names one."""
    programs = ("CLOUDSTATE_KUBE_APISERVER", "CLOUDSTATE_ETCD")
    return "CLOUDSTATE_KUBECONFIG" in os.environ or all(it in os.environ for it in programs)


def is_ours() -> bool:
    """Whether the server is one that we start, and may change as a whole."""
    return "CLOUDSTATE_KUBECONFIG" not in os.environ


@contextmanager
def real_api_server(directory: Path) -> Iterator[Path]:
    """The kubeconfig of what the environment names."""
    if "CLOUDSTATE_KUBECONFIG" in os.environ:
        yield Path(os.environ["CLOUDSTATE_KUBECONFIG"])
        return
    etcd, peer, port = free_port(), free_port(), free_port()
    with (
        _process(directory / "etcd.log", _etcd(directory, etcd, peer)),
        _process(directory / "kube-apiserver.log", _api_server(directory, etcd, port)) as process,
    ):
        _wait(process, f"https://127.0.0.1:{port}/readyz", directory)
        yield _kubeconfig(directory, port)


def _etcd(directory: Path, port: int, peer: int) -> list[str]:
    own, others = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    words = ["--data-dir", str(directory / "etcd"), "--unsafe-no-fsync", "--log-level", "error"]
    words += ["--listen-client-urls", own, "--advertise-client-urls", own, "--listen-peer-urls", others]
    words += ["--initial-advertise-peer-urls", others, "--initial-cluster", f"default={others}"]
    return [os.environ["CLOUDSTATE_ETCD"], *words]


def _api_server(directory: Path, etcd: int, port: int) -> list[str]:
    key, tokens = directory / "accounts.key", directory / "tokens.csv"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    tokens.write_text(f"{TOKEN},tester,tester,system:masters\n")
    return [
        os.environ["CLOUDSTATE_KUBE_APISERVER"],
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={directory / 'certs'}",
        "--service-account-issuer=https://accounts.example",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        # Nothing here deletes what is in namespaces, so the Services of every test keep their addresses.
        "--service-cluster-ip-range=10.0.0.0/16",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
    ]


@contextmanager
def _process(log: Path, words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, directory: Path) -> None:
    """Until the server says that it is ready."""
    import ssl

    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    deadline = time.monotonic() + PATIENCE
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(asked, context=trusting, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)  # between two questions; the answer is what is waited for
    raise AssertionError((directory / "kube-apiserver.log").read_text()[-4000:])


def _kubeconfig(directory: Path, port: int) -> Path:
    authority = directory / "certs" / "apiserver.crt"
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(config))
    return path
