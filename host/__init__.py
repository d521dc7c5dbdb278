"""What runs on a host of a fleet: it travels in the bundle's archive and keeps the host in step with its bundle and its secret.

Python's standard library and Debian's python3-boto3 only. `boot.py` travels in the user data as well and brings the rest.
"""
