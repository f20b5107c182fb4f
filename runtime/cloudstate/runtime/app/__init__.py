"""Wires everything: loads a compiled service and the author's classes, opens the journal, serves, drains.

Start reading at ``serve.py``.
"""

from cloudstate.runtime.app.function import FunctionSettings, run_function
from cloudstate.runtime.app.logs import configure as configure_logs
from cloudstate.runtime.app.membership import Clustered
from cloudstate.runtime.app.proxy import ProxySettings, run_proxy
from cloudstate.runtime.app.serve import Settings, default_journal, run

__all__ = [
    "Clustered",
    "FunctionSettings",
    "ProxySettings",
    "Settings",
    "configure_logs",
    "default_journal",
    "run",
    "run_function",
    "run_proxy",
]
