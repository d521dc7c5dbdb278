"""What the make targets run: pulumi with the right backend, passphrase and config for one stack."""
