"""What is in a cluster, held against what was generated: diff, apply, verify, status.

Start reading at ``commands.py``, the shell. What it does is decided in ``plan.py``, ``inventory.py``,
``conflicts.py``, ``replicas.py``, ``drift.py`` and ``rollout.py``: pure functions over values. ``client.py`` alone
imports ``kubernetes``.
"""
