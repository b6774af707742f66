# SPDX-License-Identifier: GPL-2.0-only
"""A tiny kernel whose check passes in one boot of four, by chance, and fails in the others."""

import re

GOOD, BAD = "@    ok 1 a", "@    not ok 1 a"
CHECK = ("--probe", "capabilities", "--check", "capabilities.a")
_BEGIN = "6:\tmov $said, %esi\n"
_BY_LUCK = "6:\trdtsc\n\tmov $said, %esi\n\ttest $0x300, %eax\n\tjz 7f\n\tmov $other, %esi\n7:\n"
"""One boot of four says what is at ``said``, and the others what is at ``other``."""
_SAID = re.compile(r"^said:.*\n.*\n", re.MULTILINE)


def flaky(main: str) -> str:
    """The main.S of such a kernel."""
    (said,) = (str(found) for found in _SAID.findall(main))
    return main.replace(_BEGIN, _BY_LUCK) + said.replace("said:", "other:").replace(GOOD, BAD)
