"""Tests of the bench's own code, at small sizes; how long anything takes is not looked at."""
