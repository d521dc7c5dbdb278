"""Tests of the garbage collection."""
