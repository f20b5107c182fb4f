"""What was compiled before is not compiled again. Start reading at ``run.py``.

After a compile a record is kept of each service: what it was compiled from, by which compiler, and to what, all as
hashes. A later run that finds all of that as it was has nothing to do for the service but to repeat its findings. A
record holds no output: what is not as it was is compiled anew, so that a damaged record costs time and nothing else.
"""

from cloudstate.compiler.incremental.record import Record
from cloudstate.compiler.incremental.run import Result, compile_all, compile_changed, keep_records

__all__ = ["Record", "Result", "compile_all", "compile_changed", "keep_records"]
