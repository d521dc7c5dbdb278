#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: `--dist loadgroup` takes no notice of `xdist_group` marks, and says nothing.
#
# xdist tells the controller a test's group by writing `<id>@<group>` into the item's private `_nodeid`. pytest 9.2.0 derives `nodeid` from
# another attribute, so the suffix never arrives, and every test is scheduled alone. Tests that must share a process (one server, one
# database, one deployed stack for all of them) are spread over all workers, each with its own.
#
# Seen on 2026-12-01 with Python 3.11.7:
#   pytest 9.1.1 + xdist 3.8.0: the 8 tests of one group ran in 1 worker
#   pytest 9.2.0 + xdist 3.8.0: the 8 tests of one group ran in 2 workers
# Exits 0 while that is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/test_group.py" <<'PYTHON'
import os
import time

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_shares(number):
    time.sleep(0.2)
    with open(os.environ["SEEN"], "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
PYTHON

workers() { # pytest's version; prints in how many workers the group ran
    python3 -m venv "$folder/venv-$1"
    "$folder/venv-$1/bin/python" -m pip install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    (cd "$folder" && SEEN="$folder/seen-$1" "$folder/venv-$1/bin/python" -m pytest -q -n 2 --dist loadgroup test_group.py >/dev/null)
    sort -u "$folder/seen-$1" | wc -l
}

before=$(workers 9.1.1)
after=$(workers 9.2.0)
echo "pytest 9.1.1 + xdist 3.8.0: one group ran in $before worker(s)"
echo "pytest 9.2.0 + xdist 3.8.0: one group ran in $after worker(s)"
[ "$before" -eq 1 ] && [ "$after" -eq 2 ]
