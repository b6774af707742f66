# SPDX-License-Identifier: GPL-2.0-only
"""The tiny kernel with checks that pass or not by which patches are in it: each of those sets a header."""

from collections.abc import Mapping

from tests.support import tiny

HEADERS = "abcd"
_READ = " ".join(("main.S", *(f"{name}.h" for name in HEADERS)))
_NOTE = f"@echo 'deps_main.o := {' '.join(f'$(CURDIR)/{name}' for name in _READ.split())}' >$(O)/.main.o.cmd"
_MAKEFILE = tiny.MAKEFILE.replace("main.o: main.S", f"main.o: {_READ}").replace(
    "-o $@ main.S", f"-o $@ main.S\n\t{_NOTE}"
)
_CAPS = {"X": "1"}
_NEVER = "0"


def main(*checks: tuple[str, ...], caps: Mapping[str, str] = _CAPS, stops: str = _NEVER) -> str:
    """A tiny kernel's source: each check by its name, the C condition under which it fails, and the one under which it
    is skipped; likewise capabilities, and when it ``stops`` to build.
    """
    head, _, _ = tiny.MAIN.partition("said:")
    names = " ".join(name for name, *_ in checks)
    said = [f'\t.ascii "KTAP version 1\\n1..1\\n    # Subtest: capabilities\\n    # plan: {names}\\n"']
    for name, there in caps.items():
        said += _either(there, f"    # cap {name}=1", f"    # cap {name}=0")
    for number, (name, fails, *skips) in enumerate(checks, 1):
        ok = f"    ok {number} {name}"
        said += [f"#if {skips[0] if skips else _NEVER}", _line(f"{ok} # SKIP not here"), "#else"]
        said += [*_either(fails, f"    not ok {number} {name}", ok), "#endif"]
    includes = "".join(f'#include "{name}.h"\n' for name in HEADERS)
    stop = f"#if {stops}\n#error it does not build\n#endif\n"
    end = '\t.asciz "ok 1 capabilities\\n# kseries: end\\n"\n'
    return (
        includes + stop + head.replace("WHICH", "it").replace("DELAY", "1") + "said:\n" + "\n".join(said) + "\n" + end
    )


def _either(condition: str, line: str, other: str) -> list[str]:
    return [f"#if {condition}", _line(line), "#else", _line(other), "#endif"]


def _line(text: str) -> str:
    return f'\t.ascii "{text}\\n"'


def having(name: str, value: int) -> dict[str, str]:
    """What sets a header."""
    return {f"{name}.h": f"#define {name.upper()} {value}\n"}


def kernel(source: str) -> dict[str, str]:
    """The files of a kernel in which no header is set."""
    files = {"Makefile": _MAKEFILE, "lib.S": tiny.LIB, "Kconfig": "", "arch/x86/kvm/Kconfig": "", "main.S": source}
    for name in HEADERS:
        files |= having(name, 0)
    return files
