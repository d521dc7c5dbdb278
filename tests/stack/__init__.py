"""What the make targets decide, without pulumi and Docker."""
