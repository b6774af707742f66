# SPDX-License-Identifier: GPL-2.0-only
"""docs/outside-the-box.md tells of every program that is started, and of no other."""

import ast
import re

from kseries.host import paths, processes
from tests.support import started

PAGE = paths.project("docs", "outside-the-box.md").read_text()
ROW = re.compile(r"^\| (`[^|]+`) \| (outside|in the box|both) \|", re.MULTILINE)
TABLE = {name: where for names, where in ROW.findall(PAGE) for name in re.findall(r"`([^`]+)`", names)}
NO_PROGRAMS = {"arch", "grep", "init", "kvm", "/bin/sh"}
"""Words that are something else by accident, and a guest's shell, which is none of this host's."""
ELSEWHERE = {
    "the launchers": {"sh", "readlink", "dirname", "cat", "sha256sum", "mktemp", "tail", "id"}
    | {"dpkg-query", "python3"},
    "an attribute, or not the first word": {"qemu-system-*", "clang", "sparse", "prlimit", "depmod", "bindgen"},
}
_STARTING = re.compile(r"\b(subprocess|asyncio\.create_subprocess\w*|os\.(exec|spawn|posix_spawn|system|popen)\w*)\b")


def test_every_program_that_is_started_is_in_the_table() -> None:
    assert started.programs() - NO_PROGRAMS - set(TABLE) == set()
    assert {"git", "make", "bwrap", "nm"} <= started.programs(), "nothing was looked at"


def test_every_program_in_the_table_is_started() -> None:
    assert set(TABLE) - started.words() - set().union(*ELSEWHERE.values()) == set()
    scripts = "".join(paths.project(name).read_text() for name in ("kseries", "harness/kseries/start/installed"))
    assert {name for name in ELSEWHERE["the launchers"] if not re.search(rf"\b{name}\b", scripts)} == set()


def test_what_is_started_outside_is_told_to_be_outside() -> None:
    outside = started.outside()
    assert {"git", "rm", "apt-get", "dpkg-deb", "ccache"} <= outside, "nothing was looked at"
    assert {name for name in outside if TABLE[name] == "in the box"} == set()


def test_the_variables_that_are_not_passed_on_are_those_of_the_page() -> None:
    (rule,) = re.findall(r"^- \*\*Variables\*\*(.*?)\. In the box", PAGE, re.MULTILINE | re.DOTALL)
    told = {name.removesuffix("*") for name in re.findall(r"`([^`]+)`", rule)}
    assert told == set(processes.NOT_PASSED_ON)


def test_one_place_starts_processes_and_one_command_hands_over() -> None:
    starting = set()
    for module in paths.project("harness", "kseries").rglob("*.py"):
        code = ast.unparse(ast.parse(module.read_text()))
        if _STARTING.search(code):
            starting.add(str(module.relative_to(paths.project("harness", "kseries"))))
    ours = {f"host/processes/{name}.py" for name in ("boxed", "ours", "together", "tools")}
    assert starting == {*ours, "cli/test.py"}
