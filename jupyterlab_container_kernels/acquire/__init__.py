"""From what a user typed to an image file: references, registries, SIF headers, pulls."""
