"""Checksums over what people must not change by hand without noticing. They prove care, not identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from cloudstate.compiler.lock.recorded import Acceptance, Version

_LENGTH = 16


def digest_of(version: Version) -> str:
    """The checksum of a version as a whole, whatever of it stands in the file."""
    content = {
        "name": version.name,
        "stored": asdict(version.stored),
        "samples": {name: [sample.hex() for sample in samples] for name, samples in version.samples.items()},
    }
    return _hashed(content)


def seal_of(acceptance: Acceptance) -> str:
    """The checksum of an acceptance: what is accepted, why, by whom and until when."""
    content = asdict(acceptance) | {"until": acceptance.until.isoformat()}
    del content["span"]
    return _hashed(content)


def _hashed(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
