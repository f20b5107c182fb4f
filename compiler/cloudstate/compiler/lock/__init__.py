"""The schema lock: what releases have stored, and whether a spec still reads it.

Start reading at ``recorded.py``.
"""

from cloudstate.compiler.lock.change import Change, Verdict
from cloudstate.compiler.lock.check import Checked, Today, check
from cloudstate.compiler.lock.classify import classify
from cloudstate.compiler.lock.file import parse_lock, render_lock
from cloudstate.compiler.lock.record import pool_of, record
from cloudstate.compiler.lock.recorded import Lock, Stored, Version
from cloudstate.compiler.lock.release import Released, Signature, release

__all__ = [
    "Change",
    "Checked",
    "Lock",
    "Released",
    "Signature",
    "Stored",
    "Today",
    "Verdict",
    "Version",
    "check",
    "classify",
    "parse_lock",
    "pool_of",
    "record",
    "release",
    "render_lock",
]
