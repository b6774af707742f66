# SPDX-License-Identifier: GPL-2.0-only
"""What of this host makes a kernel and its guests, and of which version it is: part of what a result depends on, and
what a build folder is made by.
"""

import shutil
from functools import lru_cache
from pathlib import Path

from kseries.arch import Arch
from kseries.host import checksums, processes, versions
from kseries.kbuild import modules
from kseries.kbuild.config import Config

_SECONDS = 30
_DIGITS = 8
_OF_OPTIONS = {"DEBUG_INFO_BTF": ("pahole",), "RUST": ("rustc", "bindgen")}
"""What make calls besides, where an option asks for it: who does not ask has the same kernel whichever is there."""
_KCONFIG_ASKS = ("pahole", "rustc", "bindgen")
"""Whom Kconfig asks for a version, whatever the options are (init/Kconfig)."""
_OF_FOLDERS = ("pahole",)
"""By which a folder is known whatever its options are. rustup's rustc answers in no box, and may wait for ever."""


def toolchain(arch: Arch, config: Config) -> str:
    """What compiles, in one line: part of what a result depends on. Raises InfraError when it is not there."""
    tools = arch.toolchain
    needed = {f"{tools.prefix}gcc": tools.compiler_package, f"{tools.prefix}ld": tools.binutils_package}
    if config.llvm:  # the probes' compiler stays what it is
        clang, lld = map(config.of_llvm, ("clang", "ld.lld"))
        packages = (clang, lld.replace("ld.lld", "lld")) if "/" not in clang else ("clang", "lld")
        needed = {clang: packages[0], lld: packages[1], f"{tools.prefix}gcc": tools.compiler_package}
    told = [version(tool, package) for tool, package in needed.items()]
    told += _libc(arch)
    if modules.asked(config.text):
        tool = modules.depmod()
        told.append(version(tool, modules.PACKAGE) if tool is not None else f"no {modules.PACKAGE}")
    told += [_told(tool) or f"no {tool}" for tool in _of_options(config.text)]
    told += [f"{tool} {version(tool, tool)}" for tool in config.named_tools]
    if config.checker is not None and "/" not in config.checker:  # a path would be one in the kernel's tree
        told.append(f"{config.checker} {version(config.checker, config.checker)}")
    return " / ".join(told)


def asked(config: Config) -> tuple[str, ...]:
    """The tools of ``toolchain`` that some options ask for: of two configurations with the same, and the same words for
    make, it is the same.
    """
    return (f"modules: {modules.asked(config.text)}", *_of_options(config.text))


def host(arch: Arch, config: Config) -> str:
    """A digest of all that makes what is in a build folder. Raises InfraError as ``toolchain``.

    Neither make nor Kconfig notices that one of these programs is another by now.
    """
    return checksums.of_words((toolchain(arch, config), _beside(arch, _OF_FOLDERS)))


def beside(arch: Arch) -> str:
    """A digest of what the options that can be set depend on beside the toolchain."""
    return _beside(arch, _KCONFIG_ASKS)


def _beside(arch: Arch, others: tuple[str, ...]) -> str:
    crosses = arch.toolchain.prefix and shutil.which("gcc") is not None
    own = (version("gcc", "gcc"),) if crosses else ()
    return checksums.of_words((assembler(arch), *own, *map(_told, others)))


def assembler(arch: Arch) -> str:
    """A digest of what makes an object of what a compiler has written, for which ccache does not ask."""
    tools = dict.fromkeys(f"{prefix}{tool}" for prefix in (arch.toolchain.prefix, "") for tool in ("as", "ld"))
    return checksums.of_words(map(_told, tools))


def version(tool: str, package: str) -> str:
    """The first line in which a tool tells its version: asked each time, for what is called gcc may be ccache."""
    done = processes.run([processes.require(tool, package), "--version"], seconds=_SECONDS)
    return done.text.partition("\n")[0]


def _told(tool: str) -> str:
    """A tool, and the version that it tells; empty where it is not there."""
    place = shutil.which(tool)
    if place is None:
        return ""
    line = versions.told(place, _SECONDS).text.partition("\n")[0]
    return f"{tool} {line.removeprefix(tool).strip()}"


def _of_options(text: str) -> tuple[str, ...]:
    # Behind "#: or" an option is asked for, too.
    asking = (tools for option, tools in _OF_OPTIONS.items() if f"CONFIG_{option}=y\n" in f"{text}\n")
    return tuple(tool for tools in asking for tool in tools)


def _libc(arch: Arch) -> list[str]:
    """The C library with which init, the probes and tests are linked; none where only a userland's is."""
    tools = arch.toolchain
    words = [processes.require(f"{tools.prefix}gcc", tools.compiler_package), "-print-file-name=libc.a"]
    place = Path(processes.run(words, seconds=_SECONDS).text.strip())
    if not place.is_absolute() or not place.exists():  # gcc repeats the name of what it does not find
        return []
    now = place.stat()
    return [f"libc {_digest(place, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)}"]


@lru_cache(maxsize=16)
def _digest(place: Path, *_as_it_is: int) -> str:
    return checksums.of_file(place)[:_DIGITS]
