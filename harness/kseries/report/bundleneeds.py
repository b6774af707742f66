# SPDX-License-Identifier: GPL-2.0-only
"""What a bundle's script takes of a host: programs and headers, and the packages that have them. Pure."""

import re
from collections.abc import Iterable, Mapping

from kseries.arch import Arch
from kseries.kbuild.config import Config
from kseries.report.expected import Way

_BUILD = {
    "git": "git",
    "tar": "tar",
    "sha256sum": "coreutils",
    "make": "make",
    "gcc": "gcc",
    "ld": "binutils",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "perl": "perl-base",
}
_PROGRAMS_OF = {
    "CONFIG_DEBUG_INFO_BTF": {"pahole": "dwarves"},
    "CONFIG_IKHEADERS": {"cpio": "cpio"},
}
"""By options: scripts/Makefile.btf, kernel/gen_kheaders.sh."""
_LIBC = {"stdio.h": "libc6-dev"}
_HEADERS_OF = {
    "CONFIG_OBJTOOL": {"gelf.h": "libelf-dev"},
    "CONFIG_SYSTEM_TRUSTED_KEYRING": {"openssl/opensslv.h": "libssl-dev"},
    "CONFIG_MODULE_SIG": {"openssl/opensslv.h": "libssl-dev"},
}
"""Likewise: tools/objtool/Makefile, certs/Makefile."""
_FEDORA = {
    "libc6-dev": "glibc-devel",
    "libelf-dev": "elfutils-libelf-devel",
    "libssl-dev": "openssl-devel",
    "mawk": "gawk",
    "perl-base": "perl",
    "qemu-system-arm": "qemu-system-aarch64-core",
    "qemu-system-x86": "qemu-system-x86-core",
    "xz-utils": "xz",
}
_OPTION = re.compile(r"^(CONFIG_\w+)=[ym]$", re.MULTILINE)


def programs(way: Way, arch: Arch, config: Config, options: str) -> dict[str, str]:
    """The programs that the script starts, but for the compiler of another architecture, each with the Debian package
    that has it; ``options`` is a .config.
    """
    found = _BUILD | _of(options, _PROGRAMS_OF)
    if config.llvm:
        clang, lld = map(config.of_llvm, ("clang", "ld.lld"))
        found |= {clang: "clang", lld: "lld"}
    found |= {tool: tool for tool in (*config.named_tools, config.checker) if tool and "/" not in tool}
    return found | ({"awk": "mawk", arch.qemu: arch.qemu_package} if way is Way.BOOT else {})


def headers(options: str) -> dict[str, str]:
    """The headers that programs of the build are compiled with, likewise."""
    return _LIBC | _of(options, _HEADERS_OF)


def _of(options: str, needed: Mapping[str, dict[str, str]]) -> dict[str, str]:
    there = {*_OPTION.findall(options)}
    return {name: package for option, found in needed.items() if option in there for name, package in found.items()}


def packages(way: Way, arch: Arch, config: Config, options: str) -> tuple[str, ...]:
    """The Debian packages of all that, sorted."""
    found = {*programs(way, arch, config, options).values(), *headers(options).values()}
    if not config.llvm:
        found |= {arch.toolchain.compiler_package, arch.toolchain.binutils_package}
    return tuple(sorted(found | {"xz-utils"}))  # most tarballs of a kernel are packed so


def of_fedora(debian: Iterable[str]) -> tuple[str, ...]:
    """The same as Fedora calls them."""
    return tuple(sorted({_FEDORA.get(one, one) for one in debian}))
