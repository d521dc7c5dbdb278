"""The engine kit's decisions and builders, without network and Docker."""
