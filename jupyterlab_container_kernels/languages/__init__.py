"""One module a language; see :mod:`.base` for what it has to tell."""
