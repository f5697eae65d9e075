"""The only modules that touch processes, directories and devices of this machine."""
