"""HTTP/1.1: ``reader`` and ``response`` are pure, ``connection`` drives them on a socket. Start at ``connection``."""
