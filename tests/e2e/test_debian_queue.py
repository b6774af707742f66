# SPDX-License-Identifier: GPL-2.0-only
"""A real queue: Debian's kernel patches on the tarball of upstream give the kernel that Debian ships."""

import json
import re
import shutil

import pytest

from harness import resources
from harness.trees import TreeStore
from tests.e2e import debian
from tests.e2e.conftest import Kseries


@pytest.fixture(scope="module")
def queue() -> debian.Queue:
    if shutil.which("apt-get") is None:
        pytest.skip("the queue comes through apt, which is not here")
    return debian.fetched("6.12", resources.cache("tests", "debian-linux-6.12"))


def test_debians_queue_is_read_applied_and_planned(queue: debian.Queue, kseries: Kseries) -> None:
    named = re.findall(r"^[^#\s]\S*", (queue.patches / "series").read_text(), re.MULTILINE)
    assert len(named) > 50
    done = kseries("plan", queue.patches, "--tree", queue.upstream, "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert len(plan["patches"]) == len(named)
    assert plan["patches"][-1]["tree_after"] == TreeStore(resources.cache("trees.git")).add_tarball(queue.patched)
    states = {state["id"]: state for state in plan["states"]}
    assert all(states[f"prefix-{number}"]["tree"] for number in range(1, len(named) + 1))
    assert len(states) == 1 + 3 * len(named)


def test_a_patch_of_the_queue_that_is_gone_is_named(queue: debian.Queue, kseries: Kseries) -> None:
    done = kseries("plan", queue.patches / "series", "--tree", queue.patched)
    assert done.returncode == 2
    assert "is already in" in done.stderr
