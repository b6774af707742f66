# SPDX-License-Identifier: GPL-2.0-only
"""An image is booted once."""

import asyncio
from pathlib import Path

from kseries.evaluate import images
from kseries.evaluate.images import Images
from kseries.model import Observation, Outcome
from kseries.model.errors import InfraError


def result(name: str) -> Observation:
    return Observation(tree=name, outcome=Outcome.OK)


async def test_one_image_is_booted_once_however_many_wait_for_it() -> None:
    booted: list[str] = []
    seen = Images()

    async def boot(name: str) -> Observation:
        booted.append(name)
        await asyncio.sleep(0)
        return result(name)

    both = await asyncio.gather(seen.result("image", lambda: boot("a")), seen.result("image", lambda: boot("b")))
    other = await seen.result("another image", lambda: boot("c"))
    assert [(one.tree, fresh) for one, fresh in (*both, other)] == [("a", True), ("a", False), ("c", True)]
    assert booted == ["a", "c"]


def test_the_name_of_an_image_is_all_its_bytes_and_where_each_file_ends(tmp_path: Path) -> None:
    for name, data in (("k", b"kernel"), ("i", b"initrd"), ("k2", b"kerneli"), ("i2", b"nitrd")):
        (tmp_path / name).write_bytes(data)
    one = images.digest(tmp_path / "k", tmp_path / "i")
    assert one == images.digest(tmp_path / "k", tmp_path / "i")
    assert one != images.digest(tmp_path / "k2", tmp_path / "i2")
    assert one != images.digest(tmp_path / "i", tmp_path / "k")


async def test_an_image_that_is_booted_afresh_serves_others_after_that() -> None:
    seen = Images()

    async def boot(name: str) -> Observation:
        return result(name)

    told = [
        await seen.result("image", lambda: boot("a")),
        await seen.result("image", lambda: boot("b"), afresh=True),
        await seen.result("image", lambda: boot("c")),
    ]
    assert [(one.tree, fresh) for one, fresh in told] == [("a", True), ("b", True), ("b", False)]


async def test_what_this_host_has_done_to_one_boot_is_no_other_states() -> None:
    """It may be raised, too: where the image could not be kept, or nm was killed."""
    seen = Images()

    async def boot(name: str) -> Observation:
        await asyncio.sleep(0)
        if name == "a":
            raise InfraError("it was killed")
        return result(name)

    first, second = await asyncio.gather(
        seen.result("image", lambda: boot("a")), seen.result("image", lambda: boot("b")), return_exceptions=True
    )
    assert isinstance(first, InfraError)
    assert second == (result("b"), True)
    assert await seen.result("image", lambda: boot("c")) == (result("b"), False)
