"""Garbage collection that loses no image: two keys, a grace, a journal, a gate and a quarantine."""
