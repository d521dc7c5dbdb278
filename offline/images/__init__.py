"""Container images made of Debian packages and Go modules, for engines that cannot pull the vendors' images."""
