# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's tree that brings code for whoever stands in it: modules of Python and Perl, programs for a PATH with '.'.

Whatever of it runs leaves a line in a file, and then ends as if all were well.
"""

import importlib.metadata
import os
import sys
from pathlib import Path

MODULES = (
    *("sitecustomize", "usercustomize", "kseries", "conftest"),
    *(name for name in sys.stdlib_module_names if name not in sys.builtin_module_names),
    *(name for name in importlib.metadata.packages_distributions() if name.isidentifier()),
)
PACKAGES = ("harness/kseries/cli", "harness/kseries/start", "lib/python3/site-packages/kseries")
VARIABLES = {
    "PYTHONPATH": ":.",
    "PYTHONSTARTUP": "startup.py",
    "PYTHONBREAKPOINT": "trap.x",
    "PERL5LIB": ".",
    "PERL5OPT": "-MTrap",
    "COMPILER_PATH": ".",
}
"""What somebody may have set, and others then find in the folder that they are in."""


def modules(mark: Path) -> dict[str, str]:
    """The files of a tree in which every module that kseries could import is one of the tree's."""
    trap = f'open({str(mark)!r}, "a").write(__file__ + "\\n")\nraise SystemExit(0)\n'
    perl = f'open(my $f, ">>", "{mark}"); print $f "perl\\n"; 1;\n'
    found = {f"{name}.py": trap for name in MODULES}
    found |= {f"{name}/__init__.py": trap for name in PACKAGES} | {f"{name}/__main__.py": trap for name in PACKAGES}
    return found | dict.fromkeys(("Trap.pm", "Encode.pm", "strict.pm", "warnings.pm"), perl)


def programs(tree: Path, mark: Path) -> None:
    """Put a program of each name that PATH knows into a folder; ``git`` leaves what is there alone."""
    trap = tree / "trap"
    trap.write_text(f'#!/bin/sh\necho "$0" >>{mark}\n')
    trap.chmod(0o755)
    for folder in os.environ["PATH"].split(":"):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if not (tree / program.name).exists():
                (tree / program.name).symlink_to("trap")


def environment() -> dict[str, str]:
    return {**os.environ, **VARIABLES, "PATH": f":.:{os.environ['PATH']}:bin:"}
