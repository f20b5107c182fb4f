"""The protocol of entities as pure state machines. Start at ``session.py``; the values are in ``messages.py``."""
