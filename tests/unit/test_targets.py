# SPDX-License-Identifier: GPL-2.0-only
"""Whole targets of kselftest and scripts of one: what a word means, what is run, what of it becomes a check."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from kseries import inputs
from kseries.app import setup, suiting
from kseries.app.options import Options
from kseries.cli import _parser, target
from kseries.guest.sysroot import Sysroot
from kseries.host import processes
from kseries.kbuild import selftestconfig
from kseries.kbuild.config import Config
from kseries.model import Origin, Probe, Status, Userland, events
from kseries.model.errors import InputError
from kseries.model.probe import MOST_NAME
from kseries.probes import ktap, runner, targets
from kseries.probes.targets import Target
from kseries.sources import TreeStore
from tests.support.brought import CASE, PATCH, write
from tests.support.gitrepo import Repository

PLACE = "tools/testing/selftests"
TIMERS = Target("timers")
SCRIPT = Target("net", "rtnetlink.sh")


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["timers"], ("timers",)),
        (["timers,sysctl"], ("timers", "sysctl")),
        (["timers:posix_timers,rtcpie"], ("timers:posix_timers", "timers:rtcpie")),
        (["net:a.sh, b.sh", "timers"], ("net:a.sh", "net:b.sh", "timers")),
        (["timers,net:a.sh,b.sh"], ("timers", "net:a.sh", "net:b.sh")),
        (["kvm:test -k 1,2", "net"], ("kvm:test -k 1,2", "net")),
    ],
)
def test_a_target_holds_for_what_follows_it_in_its_option(options: list[str], words: tuple[str, ...]) -> None:
    assert targets.words(options) == words


@pytest.mark.parametrize(
    ("word", "installed"),
    [
        ("timers", True),
        ("net/forwarding", True),
        ("net:rtnetlink.sh", True),
        ("net:nl_netdev.py", True),
        ("kselftest:prefix.pl", True),
        ("timers:posix_timers", False),
        ("kvm:x86_64/state_test", False),
        ("net:a.shell", False),
        ("kvm:demand_paging_test -b 16M", False),
        ("mine=kvm:x.sh", False),
    ],
)
def test_a_bare_target_and_a_script_are_installed_and_all_else_is_a_program(word: str, installed: bool) -> None:
    assert targets.is_one(word) is installed
    assert bool(targets.parse([word])) is installed


def test_a_probe_has_the_name_of_its_test_and_no_dot_in_it() -> None:
    assert [one.name for one in targets.parse(["net:rtnetlink.sh", "net/lib", "net:rtnetlink.sh"])] == [
        "net.rtnetlink_sh",
        "net.lib",
    ]


@pytest.mark.parametrize("word", ["../net", "net/../x:a.sh", "net:../a.sh", "-x", "net:", "ü", ".net", "net//x"])
def test_what_is_no_target_is_refused_in_two_lines(word: str) -> None:
    with pytest.raises(InputError, match="no target of kselftest") as error:
        targets.parse([word] if targets.is_one(word) else [f"{word}.sh"])
    assert str(error.value).count("\n") == 1


def test_a_name_that_init_has_no_room_for_is_refused() -> None:
    with pytest.raises(InputError, match=f"at most {MOST_NAME} characters"):
        targets.parse([f"net:{'a' * MOST_NAME}.sh"])


def test_without_a_userland_it_is_told_what_to_add() -> None:
    with pytest.raises(InputError) as error:
        targets.check_userland((SCRIPT,), there=False)
    assert str(error.value).splitlines() == [
        "--selftest net:rtnetlink.sh: this runs in a userland, and there is none",
        "  add --userland debian:bookworm, and the packages that it needs with --package",
    ]
    targets.check_userland((), there=False)
    targets.check_userland((SCRIPT,), there=True)


def test_what_neither_base_nor_the_tip_has_is_told(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    base = repository.commit("base", {f"{PLACE}/timers/Makefile": "\n"})
    tip = repository.commit("tip", {f"{PLACE}/net/rtnetlink.sh": "\n"})
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    trees = [store.tree_of(one) for one in (base, tip)]
    targets.check((TIMERS, SCRIPT), store, *trees)
    with pytest.raises(InputError, match=r"neither base nor the series has tools/testing/selftests/net/rtnetlink.sh"):
        targets.check((SCRIPT,), store, trees[0], trees[0])
    targets.check_tip((SCRIPT,), store, trees[1])
    with pytest.raises(InputError, match=r"the tip does not have tools/testing/selftests/net/rtnetlink.sh"):
        targets.check_tip((SCRIPT,), store, trees[0])
    with pytest.raises(InputError, match=r"has tools/testing/selftests/net/Makefile"):
        targets.check((Target("net"),), store, *trees)


# --- probes -------------------------------------------------------------------------------------


def installed(**files: str) -> dict[str, str]:
    return {"kselftest-list.txt": "timers:a\ntimers:b-c.sh\nnet:d.sh\ngarbage\ntimers:../e\n", **files}


def made(asked: tuple[Probe, ...], files: dict[str, str]) -> list[tuple[str, str, int | None]]:
    found = runner.for_kernel(asked, lambda name: files.get(name, ""))
    assert all(one.origin is Origin.COMMAND for one in found)
    return [(one.name, one.argv[3], one.seconds) for one in found]


def test_each_test_of_a_target_is_a_probe_of_its_own() -> None:
    asked = runner.probes((TIMERS, SCRIPT))
    assert [one.name for one in asked] == ["timers", "net.rtnetlink_sh"]
    assert made(asked, installed()) == [
        ("timers.a", "timers:a", 60),
        ("timers.b-c_sh", "timers:b-c.sh", 60),
        ("net.rtnetlink_sh", "net:rtnetlink.sh", 60),
    ]
    assert runner.whole(asked) == ("timers",)


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [("timeout=90\n", 105), ("# timeout=1\ntimeout=3600", 3615), ("timeout=0\n", None), ("other=1\n", 60)],
)
def test_a_test_has_the_time_that_its_settings_give_it_and_some_for_the_runner(
    settings: str, seconds: int | None
) -> None:
    files = installed(**{"net/settings": settings})
    assert made(runner.probes((SCRIPT,)), files) == [("net.rtnetlink_sh", "net:rtnetlink.sh", seconds)]


def test_what_was_given_time_keeps_it_and_so_do_all_tests_of_a_target() -> None:
    asked = tuple(replace(one, seconds=7) for one in runner.probes((TIMERS, SCRIPT)))
    assert [seconds for *_, seconds in made(asked, installed(**{"timers/settings": "timeout=90\n"}))] == [7, 7, 7]


def test_a_target_of_which_nothing_is_installed_stays_one_probe_and_fails() -> None:
    assert made(runner.probes((TIMERS,)), {}) == [("timers", "timers", 60)]


def test_what_is_named_twice_runs_once() -> None:
    asked = (*runner.probes((TIMERS, Target("timers", "b-c.sh"))),)
    assert [name for name, *_ in made(asked, installed())] == ["timers.a", "timers.b-c_sh"]


def test_a_list_that_is_too_long_is_cut_and_that_is_told_by_a_probe_that_fails() -> None:
    files = {"kselftest-list.txt": "".join(f"timers:t{number}\n" for number in range(600))}
    found = made(runner.probes((TIMERS,)), files)
    assert len(found) == 501 and found[-1][:2] == ("timers", "timers")


def test_probes_of_others_are_as_they_were() -> None:
    asked = (Probe.ours("a"), Probe(name="b", argv=("/bin/sh", "-c", "true"), origin=Origin.COMMAND))
    assert runner.for_kernel(asked, lambda _: pytest.fail("nobody asks")) is asked


# --- a run --------------------------------------------------------------------------------------

ROOT = Sysroot("0" * 64, Path("root"))


@pytest.fixture
def userland(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody has to make, with what is compiled for it."""
    made = Userland(name="debian:bookworm", digest="0" * 64, size=1)
    monkeypatch.setattr(setup, "userland_of", lambda *_, **__: made)
    monkeypatch.setattr("kseries.guest.userland.path", lambda *_: Path("image"))
    monkeypatch.setattr(setup, "sysroot_of", lambda *_: ROOT)
    monkeypatch.setattr(processes, "require", lambda tool, _: tool)


def options(*words: str) -> Options:
    return target.options(_parser().parse_args(["try", "base", "x", "--probe", "capabilities", *words]))


def contract(path: Path, check: str) -> Path:
    path.write_text(f'id = "c"\ntitle = "t"\nwhen = "X"\nchecks = ["{check}"]\n')
    return path


@pytest.mark.usefixtures("userland")
def test_a_run_has_scripts_and_targets_behind_its_programs_and_its_conditions_tell_them() -> None:
    words = ("--userland", "debian:bookworm", "--selftest", "timers:posix_timers", "--selftest", "timers,net:a.sh")
    made = setup.setup_of(options(*words, "--run", "a=true"))
    assert made.probe_names == ("capabilities", "timers.posix_timers", "timers", "net.a_sh", "a")
    assert made.conditions.targets == ("timers", "net:a.sh")
    assert made.conditions.selftests == ("timers:posix_timers",)
    assert made.conditions.sysroot == ROOT.digest


def test_without_a_userland_a_run_ends_before_it_begins() -> None:
    with pytest.raises(InputError, match="this runs in a userland"):
        setup.setup_of(options("--selftest", "timers"))


def test_who_asks_for_programs_alone_has_neither_libraries_nor_a_sysroot() -> None:
    made = setup.setup_of(options("--selftest", "timers:posix_timers"))
    assert made.targets == () and made.sysroot is None


@pytest.mark.usefixtures("userland")
def test_a_contract_may_name_any_test_of_a_target_and_none_of_another(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    asked = options("--userland", "debian:bookworm", "--selftest", "timers", "--contract", str(path))
    made = setup.setup_of(asked)
    contract(path, "timers.posix_timers.exit_status")
    (found,) = (one for one in setup.asked(made, asked) if one.id == "c")
    assert found.checks == ("timers.posix_timers.exit_status",) and found.left_out == ()
    for other in ("timersx.a.exit_status", "net.a_sh.exit_status"):
        contract(path, other)
        with pytest.raises(InputError, match="of no probe that there is"):
            setup.asked(made, asked)


@pytest.mark.usefixtures("userland")
def test_on_a_base_all_states_have_the_options_of_its_targets_and_who_has_none_keeps_the_same(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    commit = repository.commit("base", {f"{PLACE}/net/config": "CONFIG_MODULES=y\nCONFIG_VETH=m\nCONFIG_NET=y\n"})
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    heard: list[events.Event] = []
    made = setup.setup_of(options("--userland", "debian:bookworm", "--selftest", "net:a.sh"))
    suited = suiting.with_targets(made, store.tree_of(commit), store, heard.append)
    added = f"# {PLACE}/net/config\n#: wanted\nCONFIG_VETH=m\n\n"
    assert suited.config.text == added + made.config.text
    assert suited.conditions.config == suited.config.text
    assert heard == [events.Preparing(f"{PLACE}/net/config wants of every kernel: CONFIG_VETH=m")]
    plain = setup.setup_of(options())
    assert suiting.with_targets(plain, store.tree_of(commit), store, heard.append) is plain


def test_a_test_case_brings_its_tests_and_the_userland_that_they_need(tmp_path: Path) -> None:
    write(tmp_path / "testcase.toml", 'userland = "debian:bookworm"\nselftests = ["net:a.sh"]\n' + CASE)
    write(tmp_path / "patches" / "0001-a.patch", PATCH)
    brought = options().of(inputs.load(str(tmp_path)))
    assert (brought.selftests, brought.userland) == (("net:a.sh",), "debian:bookworm")
    mine = options("--userland", "mine", "--selftest", "timers").of(inputs.load(str(tmp_path)))
    assert (mine.selftests, mine.userland) == (("timers", "net:a.sh"), "mine")
    assert [one.word for one in targets.parse(mine.selftests)] == ["timers", "net:a.sh"]


# --- the runner's output ------------------------------------------------------------------------

BEGIN = "TAP version 13\n1..1\n# timeout set to 45\n# selftests: net: rtnetlink.sh\n"
"""As kselftest/runner.sh of 6.12 begins."""


@pytest.mark.parametrize(
    ("said", "status", "checks"),
    [
        (BEGIN + "# fine\nok 1 selftests: net: rtnetlink.sh\n", 0, {}),
        (BEGIN + "# not here\nok 1 selftests: net: rtnetlink.sh # SKIP\n", 4, {}),
        (BEGIN + "not ok 1 selftests: net: rtnetlink.sh # exit=1\n", 1, {}),
        (BEGIN + "#\nnot ok 1 selftests: net: rtnetlink.sh # TIMEOUT 45 seconds\n", 124, {}),
        (BEGIN + "# Warning: file rtnetlink.sh is missing!\nnot ok 1 selftests: net: rtnetlink.sh\n", 1, {}),
        ("No such test 'net:rtnetlink.sh'\n", 1, {}),
        ("", 1, {}),
        (
            BEGIN + "# TAP version 13\n# 1..2\n# ok 1 one\n# not ok 2 two\n# # why\n"
            "not ok 1 selftests: net: rtnetlink.sh # exit=1\n",
            1,
            {"one": Status.PASS, "two": Status.FAIL},
        ),
        # What a test prints is no result of the runner's.
        (
            BEGIN + "# ok 1 selftests: net: rtnetlink.sh\nnot ok 1 selftests: net: rtnetlink.sh # exit=2\n",
            1,
            {"selftests_net_rtnetlink_sh": Status.PASS},
        ),
        (BEGIN + "# ok 1 selftests: net: other.sh\n", 1, {"selftests_net_other_sh": Status.PASS}),
        (BEGIN + "# all is wellok 1 selftests: net: rtnetlink.sh\n", 0, {}),
        (BEGIN + "# ok 1 a\n# no nft ok 1 selftests: net: rtnetlink.sh # SKIP\n", 4, {"a": Status.PASS}),
        (BEGIN + "# waiting... not ok 1 selftests: net: rtnetlink.sh # TIMEOUT 45 seconds\n", 124, {}),
        (BEGIN + "# not ok 1 anot ok 1 selftests: net: rtnetlink.sh # exit=1\n", 1, {"a": Status.FAIL}),
        (
            BEGIN + "# # ok 1 selftests: net: rtnetlink.sh\n# a ok 1 selftests: net: other.sh\n"
            "not ok 1 selftests: net: rtnetlink.sh\n",
            1,
            {},
        ),
        (  # what a test repeats of its own run in another place
            BEGIN + "# # # not ok 1 selftests: net: rtnetlink.sh # exit=1\n"
            "not ok 1 selftests: net: rtnetlink.sh # exit=1\n",
            1,
            {},
        ),
        (
            BEGIN + "# not ok 1 selftests: net: rtnetlink.sh # exit=1\nok 1 selftests: net: rtnetlink.sh\n",
            0,
            {"selftests_net_rtnetlink_sh": Status.FAIL},
        ),
    ],
)
def test_what_a_test_prints_are_checks_and_the_runners_result_is_the_exit_status(
    said: str, status: int, checks: dict[str, Status], tmp_path: Path
) -> None:
    done = run(said, tmp_path)
    assert done.returncode == status, done.stdout
    text = "".join(f"    {line}\n" for line in done.stdout.splitlines())
    report = ktap.parse(f"    # Subtest: t\n{text}ok 1 t\n# kseries: end\n")
    assert {one.id: one.status for one in report.checks} == {f"t.{name}": how for name, how in checks.items()}
    assert (tmp_path / "asked").read_text() == "-t net:rtnetlink.sh\n"


def run(said: str, place: Path) -> "subprocess.CompletedProcess[str]":
    """The probe's command, with a runner that says this."""
    (place / "said").write_text(said)
    script = place / "run_kselftest.sh"
    script.write_text(f'#!/bin/sh\necho "$@" >{place}/asked\ncat {place}/said\n')
    script.chmod(0o755)
    (probe,) = runner.probes((SCRIPT,))
    shell, dash, command, word = probe.argv
    here = command.partition("; ")[2].replace(f"/{runner.PLACE}", str(place))
    return subprocess.run([shell, dash, here, word], capture_output=True, text=True, check=False)


def test_where_nothing_is_installed_the_test_fails(tmp_path: Path) -> None:
    (probe,) = runner.probes((SCRIPT,))
    here = probe.argv[2].partition("; ")[2].replace(f"/{runner.PLACE}", str(tmp_path / "nowhere"))
    assert subprocess.run(["/bin/sh", "-c", here, "x"], stderr=subprocess.DEVNULL, check=False).returncode != 0


# --- configurations -----------------------------------------------------------------------------


def test_a_targets_options_are_wanted_and_those_of_others_win(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    config = 'CONFIG_A=m\nCONFIG_B=y # for b\n# CONFIG_C is not set\nCONFIG_D="x"\nCONFIG_E=y\n\n# why\nnonsense=y\n'
    kconfig = (
        'if CORE\nconfig A\n\ttristate "a"\n\tdepends on GENERIC && E\nconfig C\n\tbool "c"\n\tdepends on X\nendif\n'
        'config CORE\n\tbool "core"\n\tdepends on MENU\nconfig MENU\n\tbool "menu"\nconfig GENERIC\n\tbool\n'
    )
    files = {f"{PLACE}/net/config": config, f"{PLACE}/mm/config": "CONFIG_A=y\nCONFIG_F=1\n", "Kconfig": kconfig}
    commit = repository.commit("base", files)
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    found = selftestconfig.of((SCRIPT, Target("mm"), TIMERS), store, store.tree_of(commit), "CONFIG_E=n\n", "x86")
    assert found.keys() == {"net", "mm"}
    asked = ("CONFIG_A=m", "CONFIG_B=y", "CONFIG_C=n", 'CONFIG_D="x"')
    assert selftestconfig.options(found["net"]) == (*asked, "CONFIG_CORE=y", "CONFIG_MENU=y"), "what A depends on"
    assert selftestconfig.options(found["mm"]) == ("CONFIG_F=1",)
    whole = Config.of("\n".join((*found.values(), "CONFIG_E=n\n")))
    dropped = whole.dropped_by("CONFIG_B=y\n")
    assert whole.wanted(dropped) == ("CONFIG_A=m", 'CONFIG_D="x"', "CONFIG_CORE=y", "CONFIG_MENU=y", "CONFIG_F=1")
    assert whole.needed(dropped) == ()


def test_a_result_tells_which_options_came_with_the_tests_and_of_no_others() -> None:
    text = "# tools/testing/selftests/net/config\n#: wanted\nCONFIG_A=y\n#: wanted\nCONFIG_B=n\n\n# ours\nCONFIG_C=y\n"
    assert selftestconfig.told(text) == {"tools/testing/selftests/net/config": ("CONFIG_A=y", "CONFIG_B=n")}
    assert selftestconfig.told("# ours\nCONFIG_C=y\n") == {}
