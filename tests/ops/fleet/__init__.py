"""Tests of several hosts with one storage."""
