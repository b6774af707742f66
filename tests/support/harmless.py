# SPDX-License-Identifier: GPL-2.0-only
"""Series with which nothing is wrong, each with what a false alarm could come from: made of the bundled ones, and new.

A feature comes with a probe that says whether it is there, and fails or skips what it is not there for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.commands import TOP
from tests.support.patches import adding, creating, headed, renaming, replacing

TIMERFD, EVENTFD = "timerfd-clean", "eventfd-saturate"
_TEST = "tools/testing/selftests/timers"
_PRCTL = "\tcase PR_SET_NAME:"


@dataclass(frozen=True)
class Harmless:
    """A series: its patches, the test cases whose probes are asked, and other words for ``kseries run``."""

    patches: Callable[[], Sequence[str]]
    probes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def _bundled(name: str) -> list[str]:
    return [path.read_text() for path in sorted((TOP / "testcases" / name / "patches").glob("*.patch"))]


def _together(first: str, second: str) -> str:
    """Two patches to different files as one."""
    return first + second[second.index("\ndiff --git") + 1 :]


def _saturating() -> list[str]:
    """EFD_SATURATE with what it promises in the patch that has it accepted."""
    define, behave, accept, show = _bundled(EVENTFD)
    return [define, _together(behave, accept), show]


def _interleaved() -> list[str]:
    first, second, third, fourth, fifth = _bundled(TIMERFD)
    define, accept, show = _saturating()
    return [first, define, second, third, accept, fourth, show, fifth]


def _answering(number: int) -> str:
    call = f"\tcase {0x4B534550 + number:#x}: return 42; {_PRCTL.strip()}"
    return replacing("kernel/sys.c", _PRCTL, call, f"sys: Answer {number}")


def _asking(number: int) -> str:
    """A new program of kselftest that fails where there is no such answer."""
    source = (
        "#include <sys/prctl.h>",
        f"int main(void) {{ return prctl({0x4B534550 + number:#x}, 0, 0, 0, 0) != 42; }}",
    )
    return headed(f"selftests: Ask {number}", creating(f"{_TEST}/ask{number}.c", source))


def _test_of_what_works() -> str:
    source = ("#include <unistd.h>", "int main(void) { return getpid() < 1; }")
    return headed("selftests: Ask who we are", creating(f"{_TEST}/ask0.c", source))


def _asked(*numbers: int) -> tuple[str, ...]:
    names = ",".join(f"ask{number}" for number in numbers)
    return ("--selftest", f"timers:{names}", "--selftest-from", "tip")


def _rename() -> str:
    return renaming("fs/eventfd.c", "eventfd_free_ctx", "eventfd_release_ctx", "eventfd: Rename a function")


def _comment(path: str) -> str:
    return adding(path, "/* Nothing has changed. */", f"{path}: Say so")


SERIES = {
    "a feature in one patch": Harmless(_saturating, (EVENTFD,)),
    "two features": Harmless(lambda: [*_saturating(), *_bundled(TIMERFD)], (EVENTFD, TIMERFD)),
    "two features, one within the other": Harmless(_interleaved, (EVENTFD, TIMERFD)),
    "a rename": Harmless(lambda: [_rename(), _comment("fs/eventfd.c")], (EVENTFD,)),
    "a rename, and a feature": Harmless(lambda: [_rename(), *_saturating()], (EVENTFD,)),
    "words": Harmless(
        lambda: [_comment("kernel/sys.c"), adding("Documentation/filesystems/proc.rst", "", "docs: A line")], (TIMERFD,)
    ),
    "a flag that nothing takes yet": Harmless(lambda: [_bundled(EVENTFD)[0], _comment("fs/timerfd.c")], (EVENTFD,)),
    "a fix beside another's probe": Harmless(
        lambda: [_bundled(TIMERFD)[0], _comment("fs/eventfd.c")], (TIMERFD, EVENTFD)
    ),
    "tests only": Harmless(lambda: [_test_of_what_works(), _comment("fs/eventfd.c")], (EVENTFD,), _asked(0)),
    "what a test of the series asks for": Harmless(lambda: [_answering(1), _asking(1)], (EVENTFD,), _asked(1)),
    "a feature, and something else with a test": Harmless(
        lambda: [*_saturating(), _answering(1), _asking(1)], (EVENTFD,), _asked(1)
    ),
}
