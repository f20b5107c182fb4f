"""HTTP/2 on ngh2: ``session`` is what both ends share; ``server`` and ``client`` are the ends. Start at ``session``."""
