"""Strangers on a shared node: what docs/security.md promises."""
