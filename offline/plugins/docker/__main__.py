"""Serve the plugin to the Pulumi engine that started this process."""

from offline.plugins.docker.plugin import docker_plugin
from offline.plugins.framework import serve

if __name__ == "__main__":
    serve(docker_plugin())
