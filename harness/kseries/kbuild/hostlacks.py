# SPDX-License-Identifier: GPL-2.0-only
"""Headers and programs that a kernel's build looked for on this host and did not find, as its tools print it.

It says nothing of a patch, though one may be the first to need them: nobody can tell how its build would have ended.

What failed is known by make's own line below it (``--output-sync=target`` keeps both together), which names the rule
and the target. So a header counts where a program for the host was compiled, and a program where the shell's 127 ended
the recipe: neither a source of the kernel itself, nor what a script asks for and can do without. Whether the host has
it after all, the host is asked (hosthas.py).
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from kseries.kbuild import modules
from kseries.model.errors import InfraError

_LIBELF, _LIBDW = "libelf-dev", "libdw-dev"
_PLUGIN = "gcc-N-plugin-dev, where N is the version of your gcc"

HEADERS = {
    "openssl/*.h": "libssl-dev",  # scripts/sign-file, certs/extract-cert
    "libelf.h": _LIBELF,  # objtool, resolve_btfids
    "gelf.h": _LIBELF,
    "elfutils/elf-knowledge.h": _LIBELF,
    "elfutils/version.h": _LIBELF,
    "elfutils/*.h": _LIBDW,  # scripts/gendwarfksyms
    "dwarf.h": _LIBDW,
    "zlib.h": "zlib1g-dev",
    "curses.h": "libncurses-dev",
    "ncurses.h": "libncurses-dev",
    "gcc-plugin.h": _PLUGIN,  # scripts/gcc-plugins
    "plugin-version.h": _PLUGIN,
    "gmp.h": "libgmp-dev",
    "mpc.h": "libmpc-dev",
    "yaml.h": "libyaml-dev",
}
"""The Debian packages of the headers that kernels 6.1 to 7.x compile programs for the host with; the first pattern of
fnmatch(3) counts.
"""
PROGRAMS = {
    "bc": "bc",
    "bindgen": "bindgen",
    "bison": "bison",
    "bzip2": "bzip2",
    "cpio": "cpio",
    "depmod": modules.PACKAGE,
    "flex": "flex",
    "gawk": "gawk",
    "gzip": "gzip",
    "lz4": "lz4",
    "lz4c": "lz4",
    "lzma": "xz-utils",
    "lzop": "lzop",
    "mkimage": "u-boot-tools",
    "openssl": "openssl",
    "pahole": "pahole",
    "perl": "perl",
    "python3": "python3",
    "rsync": "rsync",
    "rustc": "rustc",
    "tar": "tar",
    "xz": "xz-utils",
    "zstd": "zstd",
}
"""Those of the programs that their builds call and do not make themselves, as they make dtc."""

ALWAYS = {"libssl-dev": "openssl/opensslconf.h", _LIBELF: "gelf.h", _LIBDW: "dwarf.h"}
"""Of packages with several headers, one that each version has; of those that are in two folders, of an architecture."""

_IN_TREE = ("include", "tools/include")
_ASKED = 8
"""Headers and programs that are asked for, at most."""
_LONGEST = 1000
"""Bytes of a line that is looked at: all these are shorter."""

_NAME = rb"([\w.+-]{1,40})"
_HEADER = rb"([\w./+-]{1,100})"
_NO_HEADER = (
    re.compile(rb"\S{1,300}?:\d+:(?:\d+:)? fatal error: " + _HEADER + rb": No such file or directory"),  # gcc
    re.compile(rb"\S{1,300}?:\d+:(?:\d+:)? fatal error: '" + _HEADER + rb"' file not found"),  # clang
)
_NOT_STARTED = (
    # dash, bash and busybox.
    re.compile(rb"[^\s:]{1,300}: (?:(?:line )?\d+: )?(?:(?:eval|exec): )?" + _NAME + rb": (?:command )?not found"),
    # What they execute without a shell.
    re.compile(
        rb"(?:make(?:\[\d+\])?|(?:/\S{1,300}/)?(?:xargs|env)): "
        rb"[^\w\s]{0,3}" + _NAME + rb"[^\w\s]{0,3}: No such file or directory"
    ),
)
_MISSED = (
    re.compile(rb"\*\*\* '(cpio)' could not be found\."),  # kernel/gen_kheaders.sh
    re.compile(rb"BTF: \S{1,300}: pahole \((pahole)\) is not available"),  # scripts/link-vmlinux.sh
    re.compile(rb'"(mkimage)" command not found - U-Boot images will not be built'),  # scripts/mkuboot.sh
)
"""Words of scripts of the kernel that have looked for a program, and end with 1."""
_TAR_MISSED = re.compile(rb"(?:/\S{1,300}/)?tar: Child returned status 127")
_ENDED = re.compile(
    rb"make(?:\[\d+\])?: \*\*\* \[(?P<rule>[^\s:]{1,300}):\d+: (?P<target>\S{1,300})\] Error (?P<status>\d+)"
)
# make and its $(error); kbuild's "  CC      kernel/fork.o", with V=1 "# CC ...".
_BETWEEN = re.compile(rb"make(?:\[\d+\])?: |\S{1,300}:\d+: \*\*\* |(?:  |# )[A-Z][A-Z0-9_]* ")
_HOST_RULES = re.compile(rb"(?:.*/)?scripts/(?:Makefile\.host|gcc-plugins/Makefile)")


async def check(
    log: bytes,
    obj: Path,
    in_tree: Callable[[str], Awaitable[bool]],
    has_program: Callable[[str], Awaitable[bool]],
    has_header: Callable[[Sequence[str]], Awaitable[bool]],
) -> None:
    """Raise InfraError where a build that failed did so for want of what this host does not have.

    ``log`` and ``obj``, the folder of its objects, are as make saw them; ``in_tree`` says whether its tree has a file,
    ``has_program`` whether the host has a program, ``has_header`` whether it has one of some headers.
    """
    for name, package in islice(found(log, obj), _ASKED):
        if name in PROGRAMS:
            there = await has_program(name)
        else:
            own = [await in_tree(f"{top}/{name}") for top in _IN_TREE]
            there = any(own) or await has_header(_known_by(name, package))
        if not there:
            raise InfraError(f"this host lacks {name}\n  install it with: apt-get install {package}")


def _known_by(header: str, package: str) -> tuple[str, ...]:
    """Headers of which a host with a package has at least one, even if there is no such header in it."""
    return tuple(dict.fromkeys((header, ALWAYS.get(package, header))))


def found(log: bytes, obj: Path) -> Iterator[tuple[str, str]]:
    """Each header and program that a log says was not there, with the package that has it. Pure."""
    for said, ended in _failed(log):
        if _is_for_host(ended["rule"], ended["target"], f"{obj}/tools/".encode()):
            yield from _packaged(_last(_NO_HEADER, said), HEADERS)
        # What is not there, a shell tells by 127; tar, which had it start that, by 2.
        status = b"2" if any(map(_TAR_MISSED.fullmatch, said)) else b"127"
        for ways, ends in ((_NOT_STARTED, status), (_MISSED, b"1")):
            if ended["status"] == ends:
                yield from _packaged(_last(ways, said), PROGRAMS)


def _failed(log: bytes) -> Iterator[tuple[list[bytes], re.Match[bytes]]]:
    """Each recipe that failed: what it printed, and make's line of it."""
    said: list[bytes] = []
    for line in log.splitlines():
        if len(line) > _LONGEST:
            continue
        if not _BETWEEN.match(line) or _named(_NOT_STARTED, line):
            said.append(line)
            continue
        if (ended := _ENDED.fullmatch(line)) is not None:
            yield said, ended
        said = []


def _last(ways: Iterable[re.Pattern[bytes]], said: list[bytes]) -> str:
    """The last thing that some lines name in one of these ways: what was said before it has not ended them."""
    return next((name for line in reversed(said) if (name := _named(ways, line))), "")


def _packaged(name: str, packages: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A name with its package, if it has one."""
    package = next((package for like, package in packages.items() if fnmatchcase(name, like)), None)
    if package is not None:
        yield name, package


def _named(ways: Iterable[re.Pattern[bytes]], line: bytes) -> str:
    """What a line names that has no other words than those of one of some ways to say it; empty where it has."""
    told = next(filter(None, (words.fullmatch(line) for words in ways)), None)
    return told[1].decode(errors="replace") if told is not None else ""


def _is_for_host(rule: bytes, target: bytes, tools: bytes) -> bool:
    """Whether a rule compiles for the host: those of hostprogs and of gcc's plugins, and all below tools/ of the
    kernel's build but tests.
    """
    ours = target.startswith(tools) and not target.startswith(tools + b"testing/")
    return ours or _HOST_RULES.fullmatch(rule) is not None
