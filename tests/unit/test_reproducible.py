# SPDX-License-Identifier: GPL-2.0-only
"""A configuration that makes another kernel of a tree each time, and one whose kernel holds what no note names."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from kseries.cache.store import Store
from kseries.evaluate import images, stateresult
from kseries.evaluate.bases import Bases
from kseries.evaluate.images import Images
from kseries.evaluate.local import Local
from kseries.guest import machine
from kseries.kbuild import Worker, reproducible
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import can_matter
from kseries.model import Boot, Build, Ending, Job, Observation, Outcome, State, StateResult
from kseries.sources import Change
from tests.support.engines import SETUP, FullDisk
from tests.support.kbuild import ARCH, FRAGMENT, Kernel

BTF = "CONFIG_DEBUG_INFO_BTF"


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("CONFIG_KVM=y\n# CONFIG_MODULE_SIG is not set\n", ()),
        (f"{BTF}=y\n", (BTF,)),
        (f"# {BTF} is not set\n", ()),
        ('CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="certs/signing_key.pem"\n', ("CONFIG_MODULE_SIG",)),
        ('CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="/etc/ours.pem"\n', ()),
        (
            'CONFIG_IMA_APPRAISE_MODSIG=y\nCONFIG_MODULE_SIG_KEY="certs/signing_key.pem"\n',
            ("CONFIG_IMA_APPRAISE_MODSIG",),
        ),
        ('CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"\n', ()),
        ("CONFIG_RANDSTRUCT_FULL=y\nCONFIG_RANDSTRUCT=y\n", ("CONFIG_RANDSTRUCT_FULL",)),
        ("CONFIG_RANDSTRUCT_NONE=y\n", ()),
    ],
)
def test_what_makes_each_build_another_kernel_is_named(config: str, named: tuple[str, ...]) -> None:
    assert reproducible.culprits(config) == named


def asking(kernel: Kernel, option: str) -> None:
    kernel.worker = Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT + option), 2, probes=())


async def test_a_build_of_such_a_configuration_stands_for_no_other(kernel: Kernel) -> None:
    for option, named in ((f"{BTF}=y\n", (BTF,)), ("CONFIG_A=y\n", ())):
        asking(kernel, option)
        tree = kernel.tree()
        built = await kernel.build(tree)
        assert built.ok and built.irreproducible == named
        assert kernel.worker.dependencies.knows(tree) == (not named)


def header(path: str) -> Change:
    return Change(path, ("100644", "1" * 40), ("100644", "2" * 40))


async def test_where_a_kernel_holds_its_headers_each_of_them_is_read(kernel: Kernel) -> None:
    tree = kernel.tree()
    for option, read in (("CONFIG_IKHEADERS=m\n", True), ("CONFIG_A=y\n", False)):
        asking(kernel, option)
        assert (await kernel.build(tree)).ok
        snapshot = kernel.worker.dependencies.of(tree)
        assert snapshot is not None
        assert can_matter(snapshot, header("include/linux/unread.h")) == read
        assert can_matter(snapshot, header("arch/x86/include/asm/unread.h")) == read
        assert not can_matter(snapshot, header("arch/arm/include/asm/unread.h"))


async def test_the_archive_of_headers_is_made_again_whatever_their_dates_say(kernel: Kernel) -> None:
    asking(kernel, "CONFIG_IKHEADERS=y\n")
    for option, left in (("CONFIG_IKHEADERS=y\n", False), ("CONFIG_A=y\n", True)):
        asking(kernel, option)
        assert (await kernel.build(kernel.tree())).ok
        obj = kernel.worker._obj
        (obj / "kernel").mkdir()
        (obj / "kernel" / "kheaders.md5").write_text("as it was\n")
        assert (await kernel.build(kernel.tree(Kconfig="# other\n"))).ok
        assert (obj / "kernel" / "kheaders.md5").exists() == left


class _Alike(FullDisk):
    """A worker that builds whatever tree into the same bytes."""

    def __init__(self, place: Path, irreproducible: tuple[str, ...]) -> None:
        super().__init__()
        self._place = place
        self._irreproducible = irreproducible

    async def build(self, *words: object, trusted: bool, **__: object) -> Build:
        tree = words[0]
        files = [str(self._place / f"{tree}-{what}") for what in ("kernel", "vmlinux", "initrd")]
        for file in files:
            Path(file).write_bytes(b"the same")
        kernel, symbols, initrd = files
        return Build(
            ok=True, seconds=1.0, irreproducible=self._irreproducible, kernel=kernel, symbols=symbols, initrd=initrd
        )


@pytest.mark.parametrize("named", [(), (BTF,)])
def test_an_image_of_such_a_configuration_is_booted_though_another_has_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...]
) -> None:
    booted: list[Path] = []

    async def boot(booting: machine.Booting, _probes: object, log: Path, *_: object) -> Boot:
        booted.append(booting.image.kernel)
        log.write_text("it boots\n")
        return Boot(
            outcome=Outcome.OK, ending=Ending.DONE, detail="", seconds=1.0, seconds_to_first_check=None, caps={},
            checks=(), console=str(log),
        )  # fmt: skip

    monkeypatch.setattr(machine, "boot_as", boot)
    executor = Local(SETUP, cast(Worker, _Alike(tmp_path, named)), Store(tmp_path / "s"), Images(), Bases())

    async def both() -> list[StateResult]:
        results: list[StateResult] = []
        for name in ("prefix-1", "prefix-2"):
            state = State(id=name, scenario="prefixes", applied=(), tree=f"tree-{name}")
            (tmp_path / name).mkdir()
            job = Job(name=name, tree=f"tree-{name}", base="base", series=(), conditions=SETUP.conditions)
            seen = await executor.evaluate(job, tmp_path / name, lambda _: None)
            results.append(stateresult.of(seen, state, {"tree-prefix-1": "prefix-1"}, {}))
        return results

    first, second = asyncio.run(both())
    assert len(booted) == (2 if named else 1)
    assert first.notes == ((f"taken for no other's kernel, nor another's for its: {BTF} is set",) if named else ())
    assert second.booted_as == (None if named else "prefix-1")


def test_a_state_whose_image_is_known_from_a_run_that_was_killed_has_the_log_of_its_boot(tmp_path: Path) -> None:
    """The image is kept before the state is, and with another tree's it is no other way."""
    store = Store(tmp_path / "s")
    (tmp_path / "console.log").write_text("it boots\n")
    (tmp_path / "image").write_bytes(b"the same")
    name = SETUP.key("image", images.digest(tmp_path / "image", tmp_path / "image"))
    store.put(name, Observation(tree="tree", outcome=Outcome.OK), tmp_path)
    executor = Local(SETUP, cast(Worker, _Alike(tmp_path, ())), store, Images(), Bases())
    for tree in ("tree", "other"):
        into = tmp_path / "into" / tree
        job = Job(name="prefix-1", tree=tree, base="base", series=(), conditions=SETUP.conditions)
        asyncio.run(executor.evaluate(job, into, lambda _: None))
        assert (into / "console.log").read_text() == "it boots\n"
