# SPDX-License-Identifier: GPL-2.0-only
"""Incremental builds are trusted because they are proved: the same bytes as from an empty folder without ccache."""

import asyncio
import os
from pathlib import Path

import pytest

from harness import build, resources, scenarios
from tests.guest.lab import Lab

pytestmark = pytest.mark.full("identical")


def _image(worker: build.Worker, tree: str, into: Path) -> bytes:
    built = asyncio.run(worker.build_alone(tree, into))
    assert built.ok and built.kernel is not None, built.errors
    return Path(built.kernel).read_bytes()


def test_an_image_reached_from_another_state_is_that_of_a_clean_build(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "x86_64")
    plan = scenarios.make_plan(lab.series, lab.base, ("prefixes", "reverts"), lab.trees)
    trees = {state.id: state.tree for state in plan.states if state.tree}
    other = _image(lab.worker, trees["without-3"], tmp_path / "without-3")
    reached = _image(lab.worker, trees[plan.tip], tmp_path / "reached")
    uncached = build.Worker(
        resources.cache("workers", "0"), lab.trees, lab.arch, lab.config, os.cpu_count() or 1, cached=False
    )
    uncached.clean()
    try:
        clean = _image(uncached, trees[plan.tip], tmp_path / "clean")
    finally:
        uncached.clean()
    assert clean == reached
    assert clean != other
