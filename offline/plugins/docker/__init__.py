"""Resource plugin for package `docker`: containers, networks, volumes and images of one Docker engine.

Property names, ids, computed outputs and replace rules follow pulumi-docker 5.2.0, so that a stack can change between the two
plugins without a difference. `python -m offline.plugins.docker` serves it to the Pulumi engine.
"""
