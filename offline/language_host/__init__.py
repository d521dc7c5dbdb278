"""`pulumi-language-python` of the kit: runs Python programs and policy packs for the engine."""
