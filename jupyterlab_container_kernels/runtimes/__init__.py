"""One module a container runtime; see :mod:`.base` for what it has to tell."""
