"""Checksums over what people must not change by hand without noticing. They prove care, not identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from cloudstate.compiler.lock.file.delta import Delta
from cloudstate.compiler.lock.recorded import Acceptance

_LENGTH = 16


def digest_of(change: Delta, before: str) -> str:
    """The checksum of a version: of what it changes, and of the checksum of the version before, "" for the first."""
    return _hashed({"before": before, "change": asdict(change)})


def seal_of(acceptance: Acceptance) -> str:
    """The checksum of an acceptance: what is accepted, why, by whom and until when."""
    content = asdict(acceptance) | {"until": acceptance.until.isoformat()}
    del content["span"]
    return _hashed(content)


def _hashed(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=bytes.hex)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
