"""The tests of how tests are run: who shares a worker, ports, and what a failure tells."""
