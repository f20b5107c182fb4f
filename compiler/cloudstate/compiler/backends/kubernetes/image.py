"""The recipe of the container image: not root, versions pinned, the same layers from the same input."""

from __future__ import annotations

from cloudstate.compiler.model import Placement, Service, StoreKind
from cloudstate.compiler.version import version

_IGNORED = ("**", "!generated", "!specs", "!service.yaml", "!*.py", "!protos", "**/__pycache__", "**/*.pyc", "**/*.db*")


def image_files(service: Service, header: str) -> dict[str, bytes]:
    """The Dockerfile, and what of the build's folder it must not see; BuildKit finds the latter by its name."""
    ignored = "\n".join((header, *_IGNORED, ""))
    return {
        "image/Dockerfile": _dockerfile(service, header).encode(),
        "image/Dockerfile.dockerignore": ignored.encode(),
    }


def _dockerfile(service: Service, header: str) -> str:
    command = "function" if service.placement is Placement.SIDECAR else "run"
    return f"""{header}
# Build it in the folder that holds generated/:
#   docker build -f generated/{service.name}/image/Dockerfile --build-arg PROJECT=FOLDER_OF_THE_SPEC .
# For the same image on every machine, give BASE with its digest (python:3.13-slim-bookworm@sha256:...), and
# SOURCE_DATE_EPOCH.
ARG BASE=python:3.13-slim-bookworm
FROM ${{BASE}}
ARG PROJECT=.
ARG SOURCE_DATE_EPOCH=0
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN pip install --no-cache-dir --no-compile --root-user-action=ignore "{_requirement(service)}"
COPY --chmod=0555 generated/{service.name} /app/generated/{service.name}
COPY --chmod=0555 ${{PROJECT}} /app/project
USER 65532:65532
WORKDIR /app
CMD ["cloudstate", "{command}", "/app/project", "--out", "/app/generated"]
"""


def _requirement(service: Service) -> str:
    extras = {"postgresql"} if service.store.kind is StoreKind.POSTGRESQL else set()
    if service.store.kind is StoreKind.JETSTREAM or service.deployment.broker or service.deployment.cluster:
        extras.add("nats")
    chosen = f"[{','.join(sorted(extras))}]" if extras else ""
    return f"cloudstate-py{chosen}=={version()}"
