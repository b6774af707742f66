# SPDX-License-Identifier: GPL-2.0-only
"""Tiny kernels whose checks and capabilities hang on what patches bring: a header for each, which they set to 1.

A check, an error of the compiler and a capability are C conditions over the headers' names in capitals.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support import tiny


@dataclass(frozen=True)
class Source:
    """What the kernel's source says: when a check fails, when it is skipped, what is shown, what does not build."""

    fails: Mapping[str, str]
    caps: Mapping[str, str]
    errors: tuple[tuple[str, str], ...] = ()
    """Conditions, and what the compiler says then."""
    needs: Mapping[str, str] | None = None
    """By a check, when it can be asked: else it is skipped."""


def has(name: str, value: int = 1) -> dict[str, str]:
    """What a patch brings: its header."""
    return {f"{name}.h": f"#define {name.upper()} {value}\n"}


def files(headers: str, source: Source) -> dict[str, str]:
    """The base: none of the headers' names is set."""
    made = {"Makefile": _makefile(headers), "lib.S": tiny.LIB, "Kconfig": "", "arch/x86/kvm/Kconfig": ""}
    for name in headers:
        made |= has(name, 0)
    return {**made, "main.S": _main(headers, source)}


def _makefile(headers: str) -> str:
    read = ["main.S", *(f"{name}.h" for name in headers)]
    note = f"@echo 'deps_main.o := {' '.join(f'$(CURDIR)/{name}' for name in read)}' >$(O)/.main.o.cmd"
    made = tiny.MAKEFILE.replace("main.o: main.S", f"main.o: {' '.join(read)}")
    return made.replace("-o $@ main.S", f"-o $@ main.S\n\t{note}")


def _main(headers: str, source: Source) -> str:
    includes = "".join(f'#include "{name}.h"\n' for name in headers)
    errors = "".join(f"#if {when}\n#error {said}\n#endif\n" for when, said in source.errors)
    head, _, _ = tiny.MAIN.partition("said:")
    head = head.replace("WHICH", "it").replace("DELAY", "1")
    return includes + errors + head + "said:\n" + "\n".join(_said(source)) + "\n"


def _said(source: Source) -> list[str]:
    names = " ".join(source.fails)
    said = [f'\t.ascii "KTAP version 1\\n1..1\\n    # Subtest: capabilities\\n    # plan: {names}\\n"']
    for name, shown in source.caps.items():
        said += _either(shown, f"    # cap {name}=1", f"    # cap {name}=0")
    for number, (name, fails) in enumerate(source.fails.items(), 1):
        needs = (source.needs or {}).get(name, "1")
        said += [f"#if {needs}", *_either(fails, f"    not ok {number} {name}", f"    ok {number} {name}")]
        said += ["#else", f'\t.ascii "    ok {number} {name} # SKIP it is not there\\n"', "#endif"]
    return [*said, '\t.asciz "ok 1 capabilities\\n# kseries: end\\n"']


def _either(when: str, then: str, otherwise: str) -> list[str]:
    return [f"#if {when}", f'\t.ascii "{then}\\n"', "#else", f'\t.ascii "{otherwise}\\n"', "#endif"]
