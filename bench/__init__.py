"""Figures of this machine: `python -m bench`. Nothing here passes or fails; the issue's targets are printed beside the figures."""
