"""Real servers that tests start: on loopback, in a temporary directory, ended by their id."""
