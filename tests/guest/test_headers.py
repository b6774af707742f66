# SPDX-License-Identifier: GPL-2.0-only
"""The oldest and the newest kernel that we are for, of which none is built here: Kconfig takes all of our options, and
init and all probes compile against the headers.

With the box, the make and the steps of a build; only that what is made for a kernel is headers.
"""

import asyncio
import dataclasses
import os
import re
import tempfile
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries import kbuild
from kseries.host import paths
from kseries.kbuild.config import Config
from kseries.sources import TreeStore
from tests.support import bases

_HEADER = "usr/include/linux/kvm.h"

# What Kconfig and "make headers" read: a tenth of the files, which takes half of the time.
_READ = re.compile(
    rb"(.*/)?(Kconfig|Makefile|Kbuild)[^/]*"
    rb"|(scripts|usr|kernel/configs|include/(uapi|asm-generic)|tools/include"
    rb"|arch/(x86|arm64)/(include|tools|entry|configs))/.*"
    rb"|include/linux/compiler-version\.h"
)

_DROPPED = {("6.1", "x86_64"): {"CONFIG_KVM_SW_PROTECTED_VM=y"}}  # that came with guest_memfd, in 6.8
_SINCE = {"KVM_CREATE_GUEST_MEMFD", "KVM_PRE_FAULT_MEMORY"}
_LACKS: dict[str, set[str]] = {"6.1": _SINCE, "7.3": set()}
_SKIPS = re.compile(rb"the headers of this kernel do not define (KVM_[A-Z_]+)")


@pytest.fixture
def trees() -> TreeStore:
    return TreeStore(paths.cache("trees.git"))


def _in_part(tree: str, trees: TreeStore) -> str:
    """The tree of what is read of a tree."""
    rows = trees.answer("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")
    read = [row for row in rows if _READ.fullmatch(row.partition(b"\t")[2])]
    with tempfile.TemporaryDirectory() as scratch:
        index = Path(scratch) / "index"
        trees.answer("update-index", "-z", "--index-info", stdin=b"\0".join([*read, b""]), index=index)
        return trees.answer("write-tree", index=index).decode().strip()


@pytest.mark.parametrize("release", _LACKS)
def test_a_release_takes_our_options_and_init_and_all_probes_compile_against_its_headers(
    release: str, trees: TreeStore, tmp_path: Path
) -> None:
    tree = _in_part(bases.debian(release).tree, trees)
    for name in archs.known():
        arch = dataclasses.replace(archs.get(name), kernel_target="headers", kernel_path=_HEADER)
        config = Config.read((paths.project("kernels", arch.config),))
        worker = kbuild.Worker(tmp_path, trees, arch, config, os.cpu_count() or 1, cached=False)
        built = asyncio.run(worker.build_alone(tree, tmp_path / name))
        assert set(built.config_dropped) <= _DROPPED.get((release, name), set())
        assert [error for error in built.errors if "'vmlinux'" not in error] == []  # which is all that there is not

        (guests,) = tmp_path.glob(f"{name}-*/obj/guests")
        assert (guests / "init").stat().st_mode & 0o100
        sources = paths.project("guests", "probes").glob("*.c")
        made = {probe.name: probe.read_bytes() for probe in (guests / "probes").iterdir()}
        assert made.keys() == {source.stem for source in sources} != set()
        words = {found.decode() for found in _SKIPS.findall(b"\0".join(made.values()))}
        assert words & _SINCE == _LACKS[release]
