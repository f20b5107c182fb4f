"""Wires everything: loads a compiled service and the author's classes, opens the journal, serves, drains.

Start reading at ``serve.py``.
"""

from cloudstate.runtime.app.function import FunctionSettings, run_function
from cloudstate.runtime.app.logs import configure as configure_logs
from cloudstate.runtime.app.proxy import ProxySettings, run_proxy
from cloudstate.runtime.app.serve import Settings, run

__all__ = [
    "FunctionSettings",
    "ProxySettings",
    "Settings",
    "configure_logs",
    "run",
    "run_function",
    "run_proxy",
]
