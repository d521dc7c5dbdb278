"""Local servers that stand in for a cloud's storage: for a stack without a cloud account, and for the tests."""
