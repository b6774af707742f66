# SPDX-License-Identifier: GPL-2.0-only
"""What compiles a kernel and its guests, and of which version it is: part of what a result depends on."""

from kseries.arch import Arch
from kseries.host import processes
from kseries.kbuild import modules
from kseries.kbuild.config import Config

_SECONDS = 30


def toolchain(arch: Arch, config: Config) -> str:
    """What compiles, in one line: part of what a result depends on. Raises InfraError when it is not there."""
    tools = arch.toolchain
    needed = {f"{tools.prefix}gcc": tools.compiler_package, f"{tools.prefix}ld": tools.binutils_package}
    if config.llvm:  # the probes' compiler stays what it is
        clang, lld = map(config.of_llvm, ("clang", "ld.lld"))
        packages = (clang, lld.replace("ld.lld", "lld")) if "/" not in clang else ("clang", "lld")
        needed = {clang: packages[0], lld: packages[1], f"{tools.prefix}gcc": tools.compiler_package}
    versions = [version(tool, package) for tool, package in needed.items()]
    if modules.asked(config.text):
        tool = modules.depmod()
        versions.append(version(tool, modules.PACKAGE) if tool is not None else "no depmod")
    versions += [f"{tool} {version(tool, tool)}" for tool in config.named_tools]
    if config.checker is not None and "/" not in config.checker:  # a path would be one in the kernel's tree
        versions.append(f"{config.checker} {version(config.checker, config.checker)}")
    return " / ".join(versions)


def version(tool: str, package: str) -> str:
    """The first line in which a tool tells its version: asked each time, for what is called gcc may be ccache."""
    done = processes.run([processes.require(tool, package), "--version"], seconds=_SECONDS)
    return done.text.partition("\n")[0]
