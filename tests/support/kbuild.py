# SPDX-License-Identifier: GPL-2.0-only
"""A tiny kernel that answers to what the harness asks of kbuild, with O= and all, and a worker to build it."""

from pathlib import Path

from kseries import arch as archs
from kseries.evaluate.setup import Setup
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Accel, Build, events
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository

ARCH = archs.get("x86_64")
FRAGMENT = "CONFIG_KVM=y\nCONFIG_NR_CPUS=8\n# CONFIG_MODULES is not set\n"
MAKEFILE = """
VERSION = 6
.DELETE_ON_ERROR:
allnoconfig:
	cat $(KCONFIG_ALLCONFIG) >$(O)/.config
	echo configured >>$(O)/runs
vmlinux: $(O)/main.o
	@echo '  LD      vmlinux'
	@ld -e main -o $(O)/vmlinux $(O)/main.o
$(O)/main.o: main.c
	@echo '  CC      main.o'
	@$(CC) -c -o $@ main.c
headers:
	mkdir -p $(O)/usr/include/linux
	cp /usr/include/linux/kvm.h $(O)/usr/include/linux/
"""
MAIN = "int main(void)\n{\n\treturn 0;\n}\n"
KERNEL = {"Makefile": MAKEFILE, "main.c": MAIN, "Kconfig": ""}


class Kernel:
    """The tiny kernel, a worker, and the trees that it is to build."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.home = place / "worker"
        self.repository = Repository(place / "linux")
        self.store = TreeStore(place / "trees.git")
        self.store.add_repository(self.repository.path)
        self.worker = Worker(self.home, self.store, ARCH, Config(FRAGMENT), 2, probes=())
        self.steps: list[str] = []
        self._builds = 0

    def tree(self, **changed: str) -> str:
        """The tiny kernel with other contents of Makefile, Kconfig or main (.c)."""
        named = {("main.c" if name == "main" else name): text for name, text in changed.items()}
        return self.store.tree_of(self.repository.commit("state", {**KERNEL, **named}))

    def hear(self, event: events.Event) -> None:
        """Note the steps of a build."""
        if isinstance(event, events.Compiled):
            self.steps.append(event.what)

    async def build(self, tree: str) -> Build:
        self._builds += 1
        return await self.worker.build(tree, self.place / f"build-{self._builds}", self.hear)

    async def fails(self, tree: str) -> tuple[str, ...]:
        built = await self.build(tree)
        assert not built.ok
        assert (built.kernel, built.initrd) == (None, None)
        assert built.errors
        return built.errors

    @property
    def obj(self) -> Path:
        (place,) = (one for one in self.home.glob(f"{ARCH.name}-*") if one.suffix != ".pristine")
        return place / "obj"

    @property
    def configured(self) -> int:
        """How often Kconfig has been run in the build folder as it is."""
        return (self.obj / "runs").read_text().count("configured")


WARNS = MAIN.replace("\treturn", "\tint *p = 1;\n\treturn")
WARNING = "main.c: initialization of 'int *' from 'int' makes pointer from integer without a cast [-Wint-conversion]"
SETUP = Setup(ARCH, Accel(name="tcg", why=""), "gcc", Config(FRAGMENT), (), "")
