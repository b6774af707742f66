# SPDX-License-Identifier: GPL-2.0-only
"""Which suites of KUnit a tree has, which of them test what is changed, and what configuration they need."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kseries.coverage import kunitoptions, kunitsuites
from kseries.coverage.kunitsuites import Suite
from kseries.coverage.ways import Ways
from kseries.kbuild import fragment
from kseries.model import Way
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository


def source(*names: str) -> str:
    return "".join(
        f"static struct kunit_suite suite_{number} = {{\n\t.name = {name},\n\t.test_cases = cases,\n}};\n"
        for number, name in enumerate(names)
    )


TREE = {
    "lib/list-test.c": source('"list-kunit-test"', '"hlist"'),
    "lib/cmdline_kunit.c": source('"cmdline"'),
    "lib/test_hash.c": source('"hash"'),
    "lib/tests/string_kunit.c": source("KBUILD_MODNAME"),
    "lib/slub_kunit.c": source('"slub_test"'),
    "mm/damon/tests/core-kunit.h": source('"damon"'),
    "mm/damon/tests/.kunitconfig": "CONFIG_KUNIT=y\nCONFIG_DAMON=y\nCONFIG_DAMON_KUNIT_TEST=y\n# CONFIG_X is not set\n",
    "net/hand/hand-test.c": source('"Hand API tests"'),
    "tools/testing/selftests/x_test.c": source('"no kernel\'s"'),
    "lib/Makefile": (
        "obj-$(CONFIG_LIST_KUNIT_TEST) += list-test.o\nobj-$(CONFIG_CMDLINE_KUNIT_TEST) += cmdline_kunit.o\n"
        "ifdef CONFIG_KUNIT\nobj-$(CONFIG_HASH_KUNIT_TEST) += test_hash.o\nendif\n"
    ),
    "net/hand/Makefile": "obj-$(CONFIG_HAND_KUNIT_TEST) += hand-test.o\n",
    "net/Makefile": "obj-$(CONFIG_HAND) += hand/\n",
    "Kbuild": "obj-y += lib/\nobj-$(CONFIG_NET) += net/\n",
    "lib/Kconfig.debug": (
        'menuconfig RUNTIME_TESTING_MENU\n\tbool "Runtime Testing"\n\tdefault y\n\nif RUNTIME_TESTING_MENU\n'
        'config LIST_KUNIT_TEST\n\ttristate "list" if !KUNIT_ALL_TESTS\n\tdepends on KUNIT && DEEP\n'
        "\tdefault KUNIT_ALL_TESTS\nendif\n"
        'config DEEP\n\tbool "deep"\n\tdepends on DEEPER && (ONE || OTHER) && !NEVER && PROMPTLESS && VALUE=2\n'
        'config DEEPER\n\tbool "deeper"\n\tdepends on DEEP\nconfig PROMPTLESS\n\tbool\n'
    ),
}
FOUND = {
    "list-kunit-test": "lib/list-test.c",
    "hlist": "lib/list-test.c",
    "cmdline": "lib/cmdline_kunit.c",
    "hash": "lib/test_hash.c",
    "string_kunit": "lib/tests/string_kunit.c",
    "slub_test": "lib/slub_kunit.c",
    "damon": "mm/damon/tests/core-kunit.h",
    "Hand API tests": "net/hand/hand-test.c",
}
SUITES = tuple(sorted(Suite(name, file) for name, file in FOUND.items()))


def test_the_suites_of_trees_are_found_where_tests_are(tmp_path: Path) -> None:
    repository, trees = Repository(tmp_path / "linux"), TreeStore(tmp_path / "trees.git")
    base = repository.commit("base", dict(TREE))
    tip = repository.commit("tip", {"lib/new_kunit.c": source('"new"'), "lib/test_hash.c": None})
    trees.add_repository(repository.path)
    assert kunitsuites.found(trees, trees.tree_of(base)) == SUITES
    both = kunitsuites.found(trees, trees.tree_of(tip), trees.tree_of(base))
    assert {*both} == {*SUITES, Suite("new", "lib/new_kunit.c")}


IN_ITSELF = "int thing;\n" + source('"in itself"') + "kunit_test_suites(&suite_0, &other);\n"


def test_in_folders_that_are_changed_a_file_is_one_of_tests_by_what_it_registers(tmp_path: Path) -> None:
    files = {f"{folder}/thing.c": IN_ITSELF for folder in ("lib", "lib/deep", "net/a[b", "tools/lib")}
    files |= {"top.h": IN_ITSELF.replace("_suites", "_suite"), "lib/other.c": source('"of nobody"')}
    repository, trees = Repository(tmp_path / "linux"), TreeStore(tmp_path / "trees.git")
    tree = trees_of(repository, trees, files)

    def found(*changed: str) -> tuple[str, ...]:
        return tuple(one.file for one in kunitsuites.found(trees, tree, changed=changed))

    assert found() == found("net/x.c", "Documentation/x.rst", "tools/lib/thing.c", "tools/x") == ()
    assert found("lib/Makefile", "lib/x.c") == ("lib/thing.c",)
    assert found("net/a[b/x.c", "Makefile") == ("net/a[b/thing.c", "top.h")


def trees_of(repository: Repository, trees: TreeStore, files: dict[str, str]) -> str:
    commit = repository.commit("tree", files)
    trees.add_repository(repository.path)
    return trees.tree_of(commit)


@pytest.mark.parametrize(("path", "names"), [("lib/thing.c", ["in itself"]), ("lib/other.c", []), ("lib/thing.h", [])])
def test_a_changed_file_that_registers_a_suite_is_offered_it(path: str, names: list[str]) -> None:
    files = {"lib/thing.c": IN_ITSELF, "lib/other.c": source('"of nobody"')}
    found = kunitsuites.beside(path, files.get, lambda folder: tuple(one.rpartition("/")[2] for one in files))
    assert [one.name for one in found] == names


@pytest.mark.parametrize(
    ("path", "names"),
    {
        "lib/cmdline.c": ("cmdline",),
        "lib/cmdline_kunit.c": ("cmdline",),
        "include/linux/list.h": ("hlist", "list-kunit-test"),
        "lib/string.c": ("string_kunit",),
        "include/linux/string.h": ("string_kunit",),
        "mm/slub.c": ("slub_test",),
        "mm/damon/core.c": ("damon",),
        "net/hand/hand.c": ("Hand API tests",),
        "drivers/char/hash.c": (),
        "net/other/hand.c": (),
        "Documentation/list.rst": (),
        "lib/Makefile": (),
        "MAINTAINERS": (),
    }.items(),
)
def test_a_changed_file_is_tested_by_what_is_called_after_it(path: str, names: tuple[str, ...]) -> None:
    assert tuple(one.name for one in kunitsuites.about(SUITES, [path])) == names
    assert sorted(one.name for one in kunitsuites.beside(path, TREE.get, listed)) == sorted(names)


def listed(folder: str) -> tuple[str, ...]:
    return tuple(path.rpartition("/")[2] for path in TREE if path.rpartition("/")[0] == folder)


def test_where_nothing_is_called_so_the_suites_of_a_configured_folder_are() -> None:
    def named(path: str, *configured: str) -> list[str]:
        return [one.name for one in kunitsuites.below(SUITES, [path], configured.__contains__)]

    assert named("mm/damon/vaddr.c", "mm/damon/tests") == named("mm/damon/vaddr.c", "mm/damon") == ["damon"]
    assert named("mm/damon/vaddr.c", "mm", "lib") == named("lib/other.c", "mm/damon") == named("Makefile", ".") == []


def test_what_has_not_run_is_offered_and_what_has_is_not() -> None:
    def ways(*ran: str) -> tuple[Way, ...]:
        return Ways(TREE.get, listed, (), ran).to_test(["lib/cmdline.c", "net/hand/hand.c"])

    assert ways() == (
        Way(what="--kunit cmdline", where="lib/cmdline_kunit.c"),
        Way(what="--kunit Hand?API?tests", where="net/hand/hand-test.c"),
    )
    assert ways("kunit.cmdline", "kunit.Hand_API_tests") == ()


# --- the configuration --------------------------------------------------------------------------


def defining(names: frozenset[str]) -> Mapping[str, str]:
    return {path: text for path, text in TREE.items() if "Kconfig" in path} if names else {}


def of(*names: str) -> str:
    text = kunitoptions.of_suites([one for one in SUITES if one.name in names], TREE.get, defining, "x86")
    fragment.check("ours", text)
    return text


def options(text: str) -> dict[str, tuple[str, bool]]:
    return {one.choices[0].name: (one.choices[0].value, one.wanted) for one in fragment.entries(text)}


HEAD = {"KUNIT": ("y", False), "KUNIT_FAULT_TEST": ("n", False)}
WANTED = ("y", True)


def test_a_suite_brings_its_option_and_what_that_depends_on_directly() -> None:
    assert options(of("hlist", "list-kunit-test")) == HEAD | {
        "LIST_KUNIT_TEST": WANTED,
        "RUNTIME_TESTING_MENU": WANTED,
        "DEEP": WANTED,
        "DEEPER": WANTED,
    }


@pytest.mark.parametrize(
    ("path", "asked"), [("lib/thing.c", {"THING", "OUTER", "THING_TEST"}), ("lib/thing_kunit.c", {"THING"})]
)
def test_of_a_file_that_is_not_of_tests_alone_the_conditions_of_its_suites_are_asked_for(
    path: str, asked: set[str]
) -> None:
    inner = f"#ifdef CONFIG_OTHER\nint x;\n#endif\n#ifdef CONFIG_THING_TEST\n{IN_ITSELF}#endif\n"
    objects = {"lib/Makefile": f"obj-$(CONFIG_THING) += {Path(path).stem}.o\n"}
    files = {path: f"#if IS_ENABLED(CONFIG_OUTER)\n{inner}#endif\n", **objects}
    made = kunitoptions.of_suites([Suite("in itself", path)], files.get, lambda _: {}, "x86")
    assert options(made).keys() == {*HEAD, *asked}


def test_the_options_of_its_folders_and_of_a_kunitconfig_are_asked_for_too() -> None:
    assert options(of("Hand API tests")) == HEAD | dict.fromkeys(("HAND_KUNIT_TEST", "HAND", "NET"), WANTED)
    assert options(of("damon")) == HEAD | dict.fromkeys(("DAMON", "DAMON_KUNIT_TEST"), WANTED)


def test_a_condition_on_kunit_alone_is_none() -> None:
    assert options(of("hash")) == HEAD | {"HASH_KUNIT_TEST": WANTED}


def test_the_text_is_always_the_same_and_says_for_whom_each_option_is() -> None:
    text = of("hlist", "list-kunit-test", "cmdline")
    assert text == of("list-kunit-test", "cmdline", "hlist")
    assert fragment.suites(text) == {
        "CMDLINE_KUNIT_TEST": "cmdline (lib/cmdline_kunit.c)",
        **dict.fromkeys(
            ("LIST_KUNIT_TEST", "RUNTIME_TESTING_MENU", "DEEP", "DEEPER"), "hlist, list-kunit-test (lib/list-test.c)"
        ),
    }
    assert fragment.suites("CONFIG_A=y\n") == {}


def test_all_suites_are_those_that_kconfig_takes() -> None:
    assert options(kunitoptions.of_all()) == HEAD | dict.fromkeys(("RUNTIME_TESTING_MENU", "KUNIT_ALL_TESTS"), WANTED)
