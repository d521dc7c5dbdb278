"""The names that the recycle bin has in the registry."""

PREFIX = "ops-recycle-bin/"


def is_bin(repository: str) -> bool:
    """Whether this repository is part of the recycle bin."""
    return repository.startswith(PREFIX)


def bin_of(repository: str) -> str:
    """The bin of a repository."""
    return PREFIX + repository


def origin_of(bin_repository: str) -> str:
    """The repository whose bin this is."""
    return bin_repository.removeprefix(PREFIX)
