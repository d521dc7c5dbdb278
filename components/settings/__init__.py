"""The stack's settings: `model` says what they are, `problems` how a bad one is reported, `load` reads them from pulumi."""
