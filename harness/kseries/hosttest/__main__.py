# SPDX-License-Identifier: GPL-2.0-only
"""pytest in a box: ``python -P -m kseries.hosttest DESCRIPTOR FILE``, as guest/pytests.py starts it.

The descriptor is that of a socket to who started it, and the first line that comes says what is to be known.
"""

import os
import socket
import sys
from pathlib import Path

import pytest

from kseries.hosttest.boxed import Boxed
from kseries.hosttest.control import Control
from kseries.hosttest.machine import State


def main() -> int:
    """Run one file of tests; pytest's exit status."""
    control, file = Control(socket.socket(fileno=int(sys.argv[1]))), Path(sys.argv[2])
    hello, _ = control.read()
    # Nothing of this host: no plugin that somebody has installed, no configuration above the file.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    words = [f"--rootdir={file.parent}", f"--confcutdir={file.parent}", "-c", os.devnull, "-p", "no:cacheprovider"]
    plugin = Boxed(control, hello, State(**hello["state"]))
    return int(pytest.main([*words, "-qq", "--tb=short", "--strict-markers", str(file)], plugins=[plugin]))


if __name__ == "__main__":
    sys.exit(main())
