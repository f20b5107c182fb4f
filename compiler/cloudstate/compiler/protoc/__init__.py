"""protoc, as grpcio-tools brings it along, in a process of its own: there it can fail, and its errors can be read.

Start reading at ``process.py``; ``server.py`` is what the process runs. It is started when it is first needed and runs
protoc as often as it is asked, because to start a process takes longer than to compile a file.
"""

from cloudstate.compiler.protoc.process import Done, ProtocMissing, Running, prepare, run, start, tools

__all__ = ["Done", "ProtocMissing", "Running", "prepare", "run", "start", "tools"]
