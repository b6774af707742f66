# SPDX-License-Identifier: GPL-2.0-only
"""Config fragments as text: what is needed, what is only wanted, and what goes by other names."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.host import paths
from kseries.kbuild.config import Config
from kseries.kbuild.worker import Worker
from kseries.model.errors import InputError
from tests.support.kbuild import ARCH, MAKEFILE, Kernel

MOVED = "#: wanted\nCONFIG_NEW=y\n#: or CONFIG_OLD=m\n#: or CONFIG_OLDEST=y\nCONFIG_B=y\n"


@pytest.mark.parametrize(
    ("defined", "text"),
    [
        ({"NEW", "OLD"}, "#: wanted\nCONFIG_NEW=y\n#\n#\nCONFIG_B=y\n"),
        ({"OLD", "OLDEST"}, "#: wanted\n#\nCONFIG_OLD=m\n#\nCONFIG_B=y\n"),
        ({"OLDEST"}, "#: wanted\n#\n#\nCONFIG_OLDEST=y\nCONFIG_B=y\n"),
        (set(), "#: wanted\nCONFIG_NEW=y\n#\n#\nCONFIG_B=y\n"),
    ],
)
def test_of_names_of_an_option_the_first_is_asked_for_that_the_tree_defines(defined: set[str], text: str) -> None:
    config = Config.of(MOVED)
    assert config.alternatives == {"NEW", "OLD", "OLDEST"}
    assert config.text_for(defined) == text
    assert config.dropped_by(text, defined) == ()
    (dropped,) = config.dropped_by("CONFIG_B=y\n", defined)
    assert dropped in text.splitlines()
    assert config.wanted((dropped, "CONFIG_B=y")) == (dropped,)
    assert config.needed((dropped, "CONFIG_B=y")) == ("CONFIG_B=y",)


def test_what_a_later_fragment_asks_for_counts_and_whether_it_needs_it() -> None:
    ours, theirs = "#: wanted\nCONFIG_A=y\n", "CONFIG_A=y\n"
    assert Config.of(ours).needed(("CONFIG_A=y",)) == ()
    assert Config.of(ours + theirs).needed(("CONFIG_A=y",)) == ("CONFIG_A=y",)
    assert Config.of(theirs + ours).needed(("CONFIG_A=y",)) == ()


def test_an_option_that_is_to_be_unset_has_other_names_too() -> None:
    config = Config.of("# CONFIG_TINY is not set\n#: or CONFIG_LARGE=y\n")
    assert config.text_for({"LARGE"}) == "#\nCONFIG_LARGE=y\n"
    assert config.dropped_by("CONFIG_TINY=y\n", {"TINY"}) == ("CONFIG_TINY=n",)
    assert config.dropped_by("", {"TINY"}) == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("#: wantd", "no marker"),
        ("#:wanted", "no marker"),
        ("# wanted", "no marker"),
        ("#: wanted ", "no marker"),
        ("#: Wanted", "no marker"),
        ("#: or CONFIG_B", "no marker"),
        ("#: or B=y", "no marker"),
        ("# or CONFIG_B=y", "no marker"),
        ("#: needed", "no marker"),
        ("#: wanted\n", "this marks no option"),
        ("#: wanted\n# a word\nCONFIG_B=y", "this marks no option"),
        ("\n#: or CONFIG_B=y", "this is no option's alternative"),
    ],
)
def test_a_marker_that_is_mistyped_or_marks_nothing_is_an_error(tmp_path: Path, line: str, said: str) -> None:
    fragment = tmp_path / "fragment"
    fragment.write_text(f"CONFIG_A=y\n{line}\n")
    number = 3 if line.startswith("\n") else 2
    with pytest.raises(InputError, match=re.escape(f"{fragment}:{number}: {said}: {line.strip().splitlines()[0]}")):
        Config.read((fragment,))


def test_prose_is_no_marker() -> None:
    Config.of("# What is wanted of a machine: A, or CONFIG_B.\n# or else none\n#\n#!/bin/sh\nCONFIG_A=y\n")


@pytest.mark.parametrize("arch", sorted(archs.known()))
def test_ours_need_what_a_probe_cannot_run_without_and_want_what_some_skip_without(arch: str) -> None:
    config = Config.read((paths.project("kernels", archs.get(arch).config),))
    every = config.dropped_by("")
    assert {"CONFIG_KVM=y", "CONFIG_BUG=y", "CONFIG_PRINTK=y"} <= set(config.needed(every))
    assert {"CONFIG_HUGETLBFS=y", "CONFIG_MEMORY_FAILURE=y"} <= set(config.wanted(every))


async def test_of_thousands_of_options_that_are_dropped_it_is_told_of_a_few_why(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a distribution's whole configuration; those that are needed come first."""
    wanted = "".join(f"#: wanted\nCONFIG_W{number}=y\n" for number in range(50))
    config = Config.of(wanted + "".join(f"CONFIG_N{number}=y\n" for number in range(3)))
    kernel.worker = Worker(kernel.home, kernel.store, ARCH, config, 2, probes=())
    asked: list[object] = []
    split = Config.wanted

    def counted(config: Config, options: Iterable[str]) -> tuple[str, ...]:
        asked.append(config)
        return split(config, options)

    monkeypatch.setattr(Config, "wanted", counted)
    built = await kernel.build(kernel.tree(Makefile=MAKEFILE.replace("cat $(KCONFIG_ALLCONFIG)", "echo")))
    assert built.ok and len(built.config_dropped) == 53
    assert [*built.config_unmet][:4] == ["CONFIG_N0=y", "CONFIG_N1=y", "CONFIG_N2=y", "CONFIG_W0=y"]
    assert len(built.config_unmet) == 30
    assert len(asked) < 5, "no option is looked for in the whole fragment again"
