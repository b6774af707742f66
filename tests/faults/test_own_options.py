# SPDX-License-Identifier: GPL-2.0-only
"""A config fragment that asks for an option of the series' own: the tiny kernel, from Kconfig to the boot."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from kseries import inputs
from kseries.cache.store import Store
from kseries.evaluate.engine import Engine
from kseries.evaluate.setup import Setup
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Accel, Base, Outcome, Plan, StateResult, Status
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.engines import engine as engine_for
from tests.support.gitrepo import Repository
from tests.support.kbuild import ARCH, FRAGMENT

# Of what is asked for, it keeps what a line "config X" defines; "depends on Y" below it is what that depends on.
MAKEFILE = (
    tiny.MAKEFILE.replace(
        "\tcat $(KCONFIG_ALLCONFIG) >$(O)/.config\n",
        """\
	@sed -n 's/^config //p' Kconfig >$(O)/known; : >$(O)/.config
	@while read line; do name=$${line#CONFIG_}; name=$${name%%=*}; \\
	need=$$(sed -n "/^config $$name$$/,/^config/s/^\\tdepends on //p" Kconfig); \\
	case $$line in '#'*) echo "$$line" ;; *) grep -qx "$$name" $(O)/known && \\
	{ [ -z "$$need" ] || grep -qx "$$need" $(O)/known; } && echo "$$line" ;; esac >>$(O)/.config || :; \\
	done <$(KCONFIG_ALLCONFIG)
""",
    )
    .replace("$(O)/main.o: main.S\n", "$(O)/main.o: main.S $(O)/.config\n")
    .replace(
        "@$(CC) -m32 -c -o $@ main.S",
        "@$(CC) -m32 $(shell sed -n 's/^CONFIG_LOUD=y/-DLOUD/p' $(O)/.config) -c -o $@ main.S",
    )
)
KCONFIG = "config KVM\nconfig NR_CPUS\nconfig QUIET\n\tdepends on HAVE_QUIET\n"
LOUD = "config LOUD\n"
SAYS = '#ifdef LOUD\nlog:\t.ascii "[    1.1] loud\\n"\n#else\nlog:\t.ascii ""\n#endif\n'


def files(kconfig: str, main: str = "") -> dict[str, str | bytes | None]:
    """A tiny kernel with these options, which logs that it is loud where LOUD is set."""
    kernel = tiny.kernel("options")
    says = kernel["main.S"].replace('log:\t.ascii ""\n', SAYS)
    assert says != kernel["main.S"] and MAKEFILE.count("LOUD") == 2
    return {**kernel, "Makefile": MAKEFILE, "main.S": (main or says), "Kconfig": KCONFIG + kconfig}


class Site:
    """A cache, and runs of series on it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = Repository(place / "linux")
        self.compiled: list[str] = []

    def run(
        self, *patches: Mapping[str, str | bytes | None], fragment: str = "CONFIG_LOUD=y\n"
    ) -> dict[str, StateResult]:
        """The results of a base and of what each patch makes of it."""
        engine, plan = self._engine(patches, fragment)
        return asyncio.run(engine.run(plan, self.place / "out"))

    def forecast(self, *patches: Mapping[str, str | bytes | None]) -> None:
        """Ask what they would cost."""
        engine, plan = self._engine(patches, "CONFIG_LOUD=y\n")
        engine.forecast(plan)

    def _engine(self, patches: tuple[Mapping[str, str | bytes | None], ...], fragment: str) -> tuple[Engine, Plan]:
        self.repository.git("checkout", "--quiet", "--orphan", "again")
        first = self.repository.commit("base", files(""))
        last = [self.repository.commit(f"patch {number}", one) for number, one in enumerate(patches, 1)][-1]
        self.repository.git("branch", "-M", "again", "main")
        trees = TreeStore(self.place / "trees.git")
        trees.add_repository(self.repository.path)
        series = inputs.load(f"{first}..{last}", str(self.repository.path)).series
        base = Base(name="base", version="6", tree=trees.tree_of(first))
        plan = scenarios.make_plan(series, base, ("prefixes",), trees)
        config = Config(FRAGMENT + fragment)
        setup = Setup(ARCH, Accel(name="tcg", why=""), "gcc", config, tiny.ASKED, "")
        worker = Worker(self.place / "worker", trees, ARCH, config, 2, probes=tiny.PROBES, series=first + last)
        engine = engine_for(
            setup, (worker,), Store(self.place / "results"), lambda event: self.compiled.append(str(event))
        )
        return engine, plan

    def log(self, state: str) -> str:
        return (self.place / "out" / "states" / state / "console.log").read_text()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Site(tmp_path)


def test_an_option_that_a_patch_brings_is_on_from_there_and_a_note_before(site: Site) -> None:
    seen = site.run({"other": "x\n"}, files(LOUD), files(""))
    for state in ("base", "prefix-1"):
        assert seen[state].notes[-1:] == ("built without CONFIG_LOUD=y, which patch 2 brings",)
    assert (seen["prefix-2"].config_dropped, seen["prefix-2"].notes) == ((), ())
    assert ["loud" in site.log(state) for state in ("base", "prefix-2")] == [False, True]
    assert seen["prefix-3"].notes[-1:] == ("Kconfig dropped CONFIG_LOUD=y",), "the last patch takes it away again"


def test_what_is_broken_behind_such_an_option_is_seen(site: Site) -> None:
    whole = str(files(LOUD)["main.S"])
    broken = whole.replace("    ok 1 a", "    not ok 1 a")
    seen = site.run(files(LOUD, f"#ifdef LOUD\n{broken}#else\n{whole}#endif\n"))
    assert [seen[state].checks[0].status for state in ("base", "prefix-1")] == [Status.PASS, Status.FAIL]


def test_what_neither_base_nor_the_series_brings_ends_the_run_before_anything_is_compiled(site: Site) -> None:
    said = r"no patch brings it: CONFIG_LAUD=y\n  CONFIG_LAUD=y: no Kconfig file of this tree defines it$"
    with pytest.raises(InputError, match=said) as error:
        site.run(files(LOUD), fragment="CONFIG_LOUD=y\nCONFIG_LAUD=y\n")
    assert "CONFIG_LOUD" not in str(error.value)
    assert not [event for event in site.compiled if "main.o" in event]


def test_a_base_that_is_known_from_a_series_with_the_option_is_none_for_one_without(site: Site) -> None:
    assert site.run(files(LOUD))["base"].outcome is Outcome.OK
    with pytest.raises(InputError, match="no patch brings it: CONFIG_LOUD=y"):
        site.run({"other": "x\n"})


def test_a_plan_on_a_base_that_is_known_to_lack_what_is_needed_says_so(site: Site) -> None:
    assert site.run(files(LOUD))["base"].outcome is Outcome.OK
    with pytest.raises(InputError, match="no patch brings it: CONFIG_LOUD=y"):
        site.forecast({"other": "x\n"})
    site.forecast(files(LOUD))


def test_an_option_of_base_is_brought_by_what_brings_what_it_depends_on(site: Site) -> None:
    fragment = "CONFIG_QUIET=y\n"
    said = "Kconfig:3: its dependencies are not met: CONFIG_HAVE_QUIET is not set"
    with pytest.raises(InputError, match=f"no patch brings it: CONFIG_QUIET=y\n  CONFIG_QUIET=y: {said}$"):
        site.run(files(LOUD), fragment=fragment)
    seen = site.run(files("config HAVE_QUIET\n"), fragment=fragment)
    assert seen["base"].notes[-1:] == ("built without CONFIG_QUIET=y, which patch 1 brings",)
    assert seen["prefix-1"].config_dropped == ()


def test_of_a_series_that_leaves_its_own_option_without_what_it_depends_on_that_is_told(site: Site) -> None:
    seen = site.run(files("config LOUD\n\tdepends on NOTHING\n"))
    assert [seen[state].notes[-1:] for state in ("base", "prefix-1")] == [
        ("built without CONFIG_LOUD=y, which patch 1 brings",),
        ("Kconfig dropped CONFIG_LOUD=y",),
    ]


def test_a_base_without_an_option_that_is_only_wanted_goes_through_its_probes(site: Site) -> None:
    fragment = "#: wanted\nCONFIG_QUIET=y\n"
    seen = site.run({"other": "x\n"}, files(LOUD), fragment=fragment)
    why = {"CONFIG_QUIET=y": "Kconfig:3: its dependencies are not met: CONFIG_HAVE_QUIET is not set"}
    for state in ("base", "prefix-1", "prefix-2"):
        assert seen[state].outcome is Outcome.OK
        assert not any("QUIET" in note for note in seen[state].notes), "a report tells it once"
        assert (seen[state].config_wanted, seen[state].config_unmet) == (("CONFIG_QUIET=y",), why)


def test_of_an_option_with_two_names_each_state_has_the_one_that_its_kconfig_defines(site: Site) -> None:
    loud = files("config LOUDER\n\tdepends on KVM\n")
    fragment = "CONFIG_LOUDER=y\n#: or CONFIG_QUIET=n\n"
    seen = site.run(files(LOUD), loud, fragment=fragment.replace("QUIET=n", "LOUD=y"))
    assert [state.config_dropped for state in seen.values()] == [("CONFIG_LOUDER=y",), (), ()]
    assert ["loud" in site.log(state) for state in ("base", "prefix-1", "prefix-2")] == [False, True, False]
