# SPDX-License-Identifier: GPL-2.0-only
"""A Kconfig file as text: for which architecture alone an option can be set. Pure.

Only what an option itself says counts (``depends on``, Documentation/kbuild/kconfig-language.rst), and of that only a
term that no other architecture meets. Menus and ``if`` around it are not read: of what they ask for nothing is told.
"""

import re

_ARCHS = {"ARM64": "arm64", "X86": "x86", "X86_32": "x86", "X86_64": "x86", "ARM": "arm", "RISCV": "riscv"} | {
    name.upper(): name for name in ("mips", "s390", "sparc", "loongarch", "parisc", "m68k", "alpha", "powerpc")
}
_ARCHS["PPC"] = _ARCHS["PPC64"] = _ARCHS.pop("POWERPC")
"""The symbol of an architecture, and its folder below arch/."""
_BLOCK = r"^(?:menu)?config {option}\n(?P<body>(?:[ \t].*\n|\n)*)"
_DEPENDS = re.compile(r"^\s+depends on (?P<terms>.+)$", re.MULTILINE)


def only_on(text: str, option: str) -> str:
    """The folder below arch/ of the one architecture that has an option; empty where others may, or it is not there."""
    blocks = re.findall(_BLOCK.format(option=re.escape(option)), f"{text}\n", re.MULTILINE)
    found = {_of_block(body.replace("\\\n", " ")) for body in blocks}
    return found.pop() if len(found) == 1 else ""


def _of_block(body: str) -> str:
    lines = (one["terms"].partition("#")[0] for one in _DEPENDS.finditer(body))
    return next((name for terms in lines if (name := _of_terms(terms))), "")


def _of_terms(terms: str) -> str:
    """The one architecture of which all of these speak, or one that is asked for beside other things."""
    if "(" in terms:
        return ""
    if "||" not in terms:
        return next((_ARCHS[term.strip()] for term in terms.split("&&") if term.strip() in _ARCHS), "")
    archs = {_ARCHS.get(term.strip(), "") for term in terms.split("||")}
    return archs.pop() if len(archs) == 1 else ""
