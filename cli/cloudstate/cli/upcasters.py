"""Recorded samples through the author's upcasters: each service in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING

from cloudstate.cli.project import NotCompiled

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic
    from cloudstate.compiler.locks import Subject

#: An upcaster that takes longer than this for all samples, in seconds, does not come back.
_LIMIT = 60


def try_upcasters(subject: Subject) -> tuple[Diagnostic, ...]:
    """Findings about the upcasters of a spec that fail on what its releases have recorded.

    Raises:
        NotCompiled: the service is not compiled, or its code cannot be loaded.
    """
    from cloudstate.compiler import locks
    from cloudstate.compiler.inputs import output_folder

    trials = locks.trials(subject)
    if not trials:
        return ()
    generated = output_folder(subject.given) / subject.service.name
    if not (generated / "service.json").is_file():
        raise NotCompiled(f"`{subject.service.name}` is not compiled\n  help: run `cloudstate compile` first")
    samples = [
        {"entity": trial.entity, "message": trial.message, "data": b64encode(trial.sample).decode()} for trial in trials
    ]
    code = subject.given.folder()[0]
    errors = _run(json.dumps({"generated": str(generated), "code": str(code), "samples": samples}))
    failed = [(trial, error) for trial, error in zip(trials, errors, strict=True) if error is not None]
    return locks.failures(subject, failed)


def _run(task: str) -> list[str | None]:
    command = [sys.executable, "-m", "cloudstate.cli.upcast"]
    try:
        done = subprocess.run(command, input=task, capture_output=True, text=True, check=False, timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        raise NotCompiled(f"the upcasters have not come back within {_LIMIT} seconds") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise NotCompiled("\n".join(lines) if done.returncode == 1 else lines[-1] if lines else "the upcasters failed")
    errors: list[str | None] = json.loads(done.stdout)
    return errors
