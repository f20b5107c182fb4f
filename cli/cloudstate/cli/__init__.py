"""The command line: ``cloudstate``. A subcommand is a module: ``HELP``, ``configure(parser)``, ``run(arguments)``.

Start reading at ``command_line.py``. Nothing here imports the compiler or the runtime before a subcommand needs it.
"""

from cloudstate.cli.command_line import main

__all__ = ["main"]
