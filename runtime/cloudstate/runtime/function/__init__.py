"""Where the user's code runs. One port (``port.py``); ``embedded`` runs Python entities inside this process."""
