# SPDX-License-Identifier: GPL-2.0-only
"""b4 am in processes that need not load b4 again: python b4am.py, with the words of a command as JSON on each line.

Of each, a line of standard output is its exit status; what it says goes to a file, the first of the words.
"""

import json
import os
import sys

from b4 import command


def main() -> None:
    for line in sys.stdin:
        said, *words = json.loads(line)
        child = os.fork()
        if child == 0:
            _b4(said, words)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _b4(said: str, words: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # b4 looks for a message-id there
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    status = 1
    try:
        sys.argv = ["b4", *words]
        command.cmd()
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
