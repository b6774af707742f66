# SPDX-License-Identifier: GPL-2.0-only
"""What is built as a module, how it reaches a guest, and that who asks for none has what they had."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.guest.trace import Symbols, spot_of
from kseries.host import checksums
from kseries.kbuild import Worker, artifacts, initramfs, modules, toolchain
from kseries.kbuild.config import Config
from kseries.model.errors import InfraError
from tests.support import cpio
from tests.support.kbuild import ARCH, FRAGMENT, MAKEFILE, Kernel

ALONE = FRAGMENT.replace("# CONFIG_MODULES is not set\n", "")
ASKED = f"{ALONE}CONFIG_ONLY=m\nCONFIG_EITHER=m\n"
MODULAR = (
    MAKEFILE.replace(
        "\tcat $(KCONFIG_ALLCONFIG) >$(O)/.config\n",
        # An option that "depends on m", as Kconfig takes it; without MODULES there are none.
        "\tsed '/^CONFIG_ONLY=y/d;/^CONFIG_NONE=/d' $(KCONFIG_ALLCONFIG) >$(O)/.config\n"
        "\tgrep -q ^CONFIG_MODULES=y $(O)/.config || sed -i '/=m$$/d' $(O)/.config\n",
    )
    + """
$(O)/drv.o: drv.c
	@echo '  CC [M]  drv.o'
	@$(CC) -c -o $@ drv.c
modules: $(O)/drv.o
	echo drv.o >$(O)/modules.order; echo drv.o >$(O)/drv.mod; cp $(O)/drv.o $(O)/drv.ko
modules_install:
	mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6/kernel; cp $(O)/drv.ko $(INSTALL_MOD_PATH)/lib/modules/6/kernel
	ln -s $(O) $(INSTALL_MOD_PATH)/lib/modules/6/build
	$(if $(DEPMOD),touch $(INSTALL_MOD_PATH)/lib/modules/6/modules.dep)
"""
)
DRIVER = "int drv(int x) { return x + WHAT; }\n"
needs_depmod = pytest.mark.skipif(not Path("/usr/sbin/depmod").exists(), reason="no kmod here")


# --- which options stay modules -----------------------------------------------------------------


def test_of_several_lines_the_last_says_whether_it_is_to_be_a_module() -> None:
    assert modules.asked("CONFIG_A=m\nCONFIG_B=m\nCONFIG_A=y\n# CONFIG_C=m\n") == {"B"}


def test_all_are_built_in_but_those_that_kconfig_takes_as_nothing_else() -> None:
    text = "CONFIG_A=m\nCONFIG_B=m\nCONFIG_C=y\n"
    assert modules.resolved(text) == "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n"
    left = modules.only_modules(text, "CONFIG_A=y\nCONFIG_C=y\n")
    assert left == {"B"}
    assert modules.resolved(text, left) == (
        "CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_MODULES=y\nCONFIG_MODULE_UNLOAD=y\n"
    )


@pytest.mark.parametrize("text", ["CONFIG_A=y\n", "CONFIG_MODULES=y\nCONFIG_A=m\n", ""])
def test_who_says_it_all_and_who_asks_for_none_has_it_as_it_is_written(text: str) -> None:
    assert modules.resolved(text) == text and modules.only_modules(text, "") == frozenset()


def test_who_wants_no_modules_has_none() -> None:
    text = "# CONFIG_MODULES is not set\nCONFIG_A=m\n"
    assert modules.only_modules(text, "") == frozenset()
    assert modules.resolved(text) == "# CONFIG_MODULES is not set\nCONFIG_A=y\n"


def test_what_was_to_be_a_module_and_is_built_in_is_there() -> None:
    assert Config("CONFIG_A=m\n").dropped_by("CONFIG_A=y\n") == ()
    assert Config("CONFIG_A=m\n").dropped_by("CONFIG_A=m\n") == ()
    assert Config("CONFIG_A=m\n").dropped_by("") == ("CONFIG_A=m",)


# --- built --------------------------------------------------------------------------------------


def with_config(kernel: Kernel, text: str) -> None:
    kernel.worker = Worker(kernel.home, kernel.store, ARCH, Config(text), 2, probes=())


def tree(kernel: Kernel, what: str = "1", **changed: str) -> str:
    driver = {"drv.c": DRIVER.replace("WHAT", what)}
    return kernel.store.tree_of(
        kernel.repository.commit("state", {"Makefile": MODULAR, "main.c": MAIN, "Kconfig": "", **driver, **changed})
    )


MAIN = "int main(void)\n{\n\treturn 0;\n}\n"


def packed(initrd: str | None) -> dict[str, cpio.Member]:
    assert initrd is not None
    return cpio.unpacked(Path(initrd).read_bytes())


@needs_depmod
async def test_a_module_is_in_the_image_where_modprobe_looks_and_no_link_is(kernel: Kernel) -> None:
    with_config(kernel, ASKED)
    built = await kernel.build(tree(kernel))
    assert built.ok and built.config_dropped == (), built.errors
    assert re.findall(r"CONFIG_(?:ONLY|EITHER|MODULES)=.", kernel.worker.configuration) == [
        "CONFIG_ONLY=m",
        "CONFIG_EITHER=y",
        "CONFIG_MODULES=y",
    ]
    found = {name: one for name, one in packed(built.initrd).items() if name.startswith("lib")}
    files = {"lib/modules/6/kernel/drv.ko", "lib/modules/6/modules.dep"}
    link = packed(built.initrd)["sbin/modprobe"]
    assert (link.mode, link.data) == (initramfs.LINK, b"/init")
    assert found.keys() == {"lib", "lib/modules", "lib/modules/6", "lib/modules/6/kernel"} | files
    assert all(found[name].mode == (0o100644 if name in files else initramfs.DIRECTORY) for name in found)
    assert kernel.worker.modules == {"drv.o"} and "drv.o" in kernel.steps


@needs_depmod
async def test_another_module_is_another_image_though_the_kernel_is_the_same(kernel: Kernel) -> None:
    with_config(kernel, ASKED)
    first, second = await kernel.build(tree(kernel)), await kernel.build(tree(kernel, "2"))
    for same, place in ((True, "kernel"), (False, "initrd")):
        digests = [checksums.of_file(Path(getattr(one, place))) for one in (first, second)]
        assert (digests[0] == digests[1]) is same, place
    assert first.linked == second.linked != ""


@needs_depmod
async def test_what_is_said_of_a_module_is_the_kernels_and_gone_with_it(kernel: Kernel) -> None:
    with_config(kernel, ASKED)
    bad = "*(int *)0; int *p = 1"
    assert any("drv.c" in one for one in (await kernel.build(tree(kernel, bad))).warnings)
    without_it = MODULAR.replace(
        "modules: $(O)/drv.o\n\techo drv.o >$(O)/modules.order", "modules:\n\t>$(O)/modules.order"
    )
    assert (await kernel.build(tree(kernel, bad, Makefile=without_it))).warnings == ()


async def test_an_option_that_lacks_something_else_brings_no_modules(kernel: Kernel) -> None:
    with_config(kernel, f"{ALONE}#: wanted\nCONFIG_NONE=m\n")
    built = await kernel.build(tree(kernel))
    assert built.ok and built.config_dropped == ("CONFIG_NONE=m",)
    assert "MODULES" not in kernel.worker.configuration and kernel.configured == 3
    assert not any(name.startswith("lib") for name in packed(built.initrd))


async def test_who_asks_for_none_has_no_word_more_for_make_and_the_same_image(kernel: Kernel) -> None:
    with_config(kernel, ALONE)
    built = await kernel.build(tree(kernel))
    assert kernel.configured == 1 and not (kernel.obj / modules.FOLDER).exists()
    assert "modules" not in Path(built.log).read_text()
    assert not any(name.startswith("lib") for name in packed(built.initrd))


async def test_modules_without_depmod_are_no_use_and_it_is_part_of_the_toolchain(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kseries.kbuild.modules._SBIN", ())
    monkeypatch.setattr("shutil.which", without("depmod"))
    assert toolchain(ARCH, Config("CONFIG_A=m\n")) == f"{toolchain(ARCH, Config(''))} / no kmod"
    with_config(kernel, f"{ALONE}CONFIG_EITHER=m\n")
    assert (await kernel.build(tree(kernel))).ok, "all is built in"
    with_config(kernel, ASKED)
    with pytest.raises(InfraError, match="apt-get install kmod"):
        await kernel.build(tree(kernel))


def without(tool: str) -> Callable[..., str | None]:
    real = shutil.which

    def which(name: str, path: str | None = None) -> str | None:
        return None if name == tool else real(name, path=path)

    return which


# --- what of a hostile tree ---------------------------------------------------------------------


def test_what_is_no_file_is_not_packed_and_too_much_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "modules/lib/modules/6"
    top.mkdir(parents=True)
    (top / "x.ko").write_bytes(b"module")
    (top / "host").symlink_to("/etc/passwd")
    guests = tmp_path / "guests"
    guests.mkdir()
    (guests / "init").write_bytes(b"init")
    initramfs.write(tmp_path / "initrd", guests, initramfs.modules(tmp_path / "modules"))
    found = cpio.unpacked((tmp_path / "initrd").read_bytes())
    assert "lib/modules/6/x.ko" in found and "lib/modules/6/host" not in found
    (tmp_path / "elsewhere").symlink_to(tmp_path / "modules")
    with pytest.raises(artifacts.NotRegularError, match="behind a link"):
        initramfs.write(tmp_path / "initrd", guests, initramfs.modules(tmp_path / "elsewhere"))
    monkeypatch.setattr(initramfs, "_MOST_MODULES", 5)
    with pytest.raises(artifacts.NotRegularError, match="modules have more than"):
        initramfs.write(tmp_path / "initrd", guests, initramfs.modules(tmp_path / "modules"))


def test_the_names_in_modules_order_are_those_of_either_form(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "modules.order").write_text("d/new.o\nd/old.ko\nd/../../etc/x.o\n")
    (tmp_path / "d/new.mod").write_text("d/a.o\nd/b.o\n")
    (tmp_path / "d/old.mod").write_text("d/c.o d/d.o\n")
    assert modules.objects(tmp_path) == {"d/a.o", "d/b.o", "d/c.o", "d/d.o"}
    assert modules.notes({"d/a.o", "e.o"}) == {"d/.a.o.cmd", ".e.o.cmd"}


def test_of_a_function_of_a_module_no_place_in_the_kernel_is_told() -> None:
    symbols = Symbols(["ffff0000 t probe", "ffff0100 t next"])
    ours, theirs = (spot_of(f" probe+0x10/0x100{of}") for of in ("", " [drv]"))
    assert ours is not None and theirs is not None and theirs.function == "probe"
    assert symbols.address(ours) == 0xFFFF000F and symbols.address(theirs) is None
