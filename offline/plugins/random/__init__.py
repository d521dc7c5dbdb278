"""The random plugin: passwords, strings, bytes and ids from the operating system's generator, in the vendor plugin's formats."""

from __future__ import annotations

from typing import Final

from offline.plugins.framework import Plugin

from .octets import RandomBytes, RandomId
from .text import RandomPassword, RandomString

PLUGIN: Final = Plugin(
    name="random",
    distribution="pulumi-random",
    kinds={
        "random:index/randomBytes:RandomBytes": RandomBytes(),
        "random:index/randomId:RandomId": RandomId(),
        "random:index/randomPassword:RandomPassword": RandomPassword(),
        "random:index/randomString:RandomString": RandomString(),
    },
)
