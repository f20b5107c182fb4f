"""The schema lock: what releases have stored, and whether a spec still reads it.

Start reading at ``recorded.py``.
"""

from cloudstate.compiler.lock.change import Change, Verdict
from cloudstate.compiler.lock.check import Checked, Today, check
from cloudstate.compiler.lock.classify import classify
from cloudstate.compiler.lock.file import parse_lock, render_lock
from cloudstate.compiler.lock.record import current, pool_of
from cloudstate.compiler.lock.recorded import Current, Lock, Stored, Version
from cloudstate.compiler.lock.release import Released, Signature, release
from cloudstate.compiler.lock.upcasters import Trial, failures, trials

__all__ = [
    "Change",
    "Checked",
    "Current",
    "Lock",
    "Released",
    "Signature",
    "Stored",
    "Today",
    "Trial",
    "Verdict",
    "Version",
    "check",
    "classify",
    "current",
    "failures",
    "parse_lock",
    "pool_of",
    "release",
    "render_lock",
    "trials",
]
