"""`python3 -m ops`."""

import sys

from ops import termination
from ops.commands import main

if __name__ == "__main__":
    termination.install()
    sys.exit(main(sys.argv[1:]))
