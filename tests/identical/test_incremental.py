# SPDX-License-Identifier: GPL-2.0-only
"""Incremental builds are trusted because they are proved: the same bytes as from an empty folder without ccache."""

import asyncio
import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kseries import kbuild
from kseries.evaluate import images
from kseries.host import paths
from kseries.model import State
from kseries.plan import scenarios
from kseries.plan.samebuild import Footprint, Read
from kseries.plan.schedule import Place, Schedule
from tests.support.lab import Lab

pytestmark = pytest.mark.full("identical")

NEW = """diff --git a/{0} b/{0}
new file mode 100644
--- /dev/null
+++ b/{0}
@@ -0,0 +1 @@
+{1}
"""
KINDS = {
    "not built": ("Documentation/virt/kvm/new.rst", "New."),
    "the same kernel": ("include/linux/looked_for_by_nobody.h", "#error"),
    "comes before": ("include/linux/userfaultfd.h", "#include <uapi/linux/userfaultfd.h>"),
    "comes before and does not build": ("include/linux/userfaultfd.h", "/* nothing */"),
}
"""Of each kind of shortcut a file that comes on top of the series, and its line."""
PARSED = {
    "parsed by another architecture": ("arch/arm64/Kconfig", "arch/arm64/kvm/Makefile", "fs/ext4/Makefile"),
    "parsed by this one": ("arch/x86/kvm/Makefile",),
}
"""Files that no compiler reads, and that get a comment."""
SAMPLE = 2
"""States of the series beside those."""


def _image(worker: kbuild.Worker, tree: str, into: Path) -> bytes:
    built = asyncio.run(worker.build_alone(tree, into))
    assert built.ok and built.kernel is not None, built.errors
    return Path(built.kernel).read_bytes()


def test_an_image_reached_from_another_state_is_that_of_a_clean_build(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "x86_64")
    plan = scenarios.make_plan(lab.series, lab.base, ("prefixes", "reverts"), lab.trees)
    trees = {state.id: state.tree for state in plan.states if state.tree}
    other = _image(lab.worker, trees["without-3"], tmp_path / "without-3")
    reached = _image(lab.worker, trees[plan.tip], tmp_path / "reached")
    uncached = kbuild.Worker(
        paths.cache("workers", "0"), lab.trees, lab.arch, lab.config, os.cpu_count() or 1, cached=False
    )
    uncached.clean()
    try:
        clean = _image(uncached, trees[plan.tip], tmp_path / "clean")
    finally:
        uncached.clean()
    assert clean == reached
    assert clean != other


def _built(worker: kbuild.Worker, tree: str, into: Path) -> tuple[str, ...] | None:
    """The digests of kernel, vmlinux and initramfs; None where the tree does not build."""
    built = asyncio.run(worker.build_alone(tree, into))
    if built.kernel is None or built.symbols is None or built.initrd is None:
        return None
    files = [Path(file) for file in (built.kernel, built.symbols, built.initrd)]
    digests = tuple(images.digest(file) for file in files)
    for file in files:
        file.unlink()
    return digests


def _states(lab: Lab, seed: int) -> Iterator[tuple[str, str]]:
    """The tip, from which all set out; then some states of the series, and one of each kind."""
    plan = scenarios.make_plan(lab.series, lab.base, ("prefixes", "reverts"), lab.trees)
    trees = {state.id: state.tree for state in plan.states if state.tree is not None}
    yield plan.tip, trees[plan.tip]
    others = [(name, tree) for name, tree in trees.items() if name != plan.tip]
    more = [(kind, lab.trees.apply(trees[plan.tip], NEW.format(*new).encode())) for kind, new in KINDS.items()]
    more += [(kind, _with_comment(lab, trees[plan.tip], files)) for kind, files in PARSED.items()]
    chosen = random.Random(seed)
    asked = [*chosen.sample(others, SAMPLE), *more]
    chosen.shuffle(asked)
    yield from asked


def _with_comment(lab: Lab, tree: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = lab.trees.file(tree, name)
        assert text is not None, name
        tree = lab.trees.with_file(tree, name, text + b"# Another comment.\n")
    return tree


@pytest.mark.timeout(4 * 3600)
def test_whichever_way_a_state_was_had_it_is_that_of_a_clean_build(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "x86_64")
    seed = int(os.environ.get("KSERIES_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"KSERIES_SEED={seed} chooses these states again")
    ways: dict[str, str] = {}
    had: dict[str, tuple[str, ...] | None] = {}
    trees: dict[str, str] = {}
    read: dict[str, Read] = {}
    for name, tree in _states(lab, seed):
        trees[name] = tree
        prints = {one: Footprint.of(lab.trees.changes(lab.base.tree, trees[one])) for one in (name, *read)}
        state = State(id=name, scenario="prefixes", applied=(), tree=tree)
        _, same = Schedule([state], prints, read).next(Place(lab.worker.dependencies))
        had[name] = had[same.state] if same is not None else _built(lab.worker, tree, tmp_path / name)
        ways[name] = f"as {same.state}" if same is not None else "where the folder was"
        if same is None and had[name] is not None:
            read[name] = partial(lab.worker.dependencies.of, tree)
    print(ways)
    assert ways["not built"] != "where the folder was" and ways["the same kernel"] == "where the folder was"
    assert ways["parsed by another architecture"] != "where the folder was" == ways["parsed by this one"]
    assert had["the same kernel"] in [had[name] for name in had if name != "the same kernel"]
    assert had["comes before and does not build"] is None
    home = paths.cache("workers", "0")
    uncached = kbuild.Worker(home, lab.trees, lab.arch, lab.config, os.cpu_count() or 1, cached=False)
    for name in list(trees)[1:]:
        uncached.clean()
        assert had[name] == _built(uncached, trees[name], tmp_path / "clean"), f"{name}, {ways[name]}"
    uncached.clean()
