"""Figures of a developer's loop, as paired runs of this checkout and another one: `make bench ARGS="loop warm --against PATH"`."""
