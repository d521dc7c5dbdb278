"""Decides which parts of the engine kit this machine needs, builds them, and says so.

Standard library only (but for the stack file's YAML, read from the virtual environment): it runs before anything is installed.
"""
