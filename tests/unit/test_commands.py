# SPDX-License-Identifier: GPL-2.0-only
"""Commands as probes: how they are asked for, what each becomes, and who does not ask for any pays nothing."""

from pathlib import Path

import msgspec
import pytest

from kseries import inputs
from kseries.app import setup
from kseries.app.options import Options
from kseries.cli import _parser, target
from kseries.guest import isolation
from kseries.inputs import contracts
from kseries.kbuild import initramfs
from kseries.model import Boot, Conditions, Ending, Origin, Outcome, Probe
from kseries.model.errors import InputError
from kseries.probes import commands
from kseries.probes.commands import Run
from tests.support.brought import CASE, PATCH, write

USERLAND = ("--userland", "debian:bookworm")


@pytest.fixture
def userland(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody has to make: what is asked for is looked at before it."""
    monkeypatch.setattr(setup, "userland_of", lambda *_, **__: None)


def options(*words: str) -> Options:
    return target.options(_parser().parse_args(["try", "base", "some-target", *words]))


def test_a_command_is_a_line_for_a_shell_of_the_userland() -> None:
    (run,) = commands.parse(["version = uname -r | grep -q =6"])
    (probe,) = commands.probes([run], ())
    assert probe.name == "version" and probe.origin is Origin.COMMAND
    assert probe.argv == ("/bin/sh", "-c", "uname -r | grep -q =6")
    assert initramfs.told([probe], 100).startswith("command version\nseconds 100\narg /bin/sh\narg -c\narg uname -r |")


def test_a_command_has_a_time_of_its_own() -> None:
    (probe,) = commands.probes([Run(name="a", command="true", timeout=7)], ())
    assert "seconds 7\n" in initramfs.told([probe], 100)


@pytest.mark.parametrize("word", ["", "a", "a=", "=true", " = ", "true -a", "a= \n"])
def test_what_names_no_command_is_refused(word: str) -> None:
    with pytest.raises(InputError, match="expected NAME=COMMAND"):
        commands.parse([word])


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Run(name="capabilities", command="true"), "there is a probe capabilities already"),
        (Run(name="a b", command="true"), "'a b' is no name of a probe"),
        (Run(name="a", command="true\nfalse"), "the command a is more than a line"),
        (Run(name="a", command="true", timeout=0), "the probe a has 0 seconds"),
        (Run(name="a", command="true", needs=("ip link",)), "the command a needs ip link, which nothing is called by"),
        (Run(name="a", command="true", needs=("x",) * 28), "the command a needs more than 27 things"),
        (Run(name="n" * 3000, command="true"), "is no name of a probe"),
    ],
)
def test_a_command_that_init_could_not_be_told_is_refused_in_two_lines(run: Run, said: str) -> None:
    with pytest.raises(InputError) as error:
        commands.probes([run], ("capabilities",))
    assert said in str(error.value) or said == "is no name of a probe"
    assert str(error.value).count("\n") <= 1 and len(str(error.value)) < 300


def test_without_a_userland_it_is_told_what_to_add() -> None:
    with pytest.raises(InputError) as error:
        setup.setup_of(options("--run", "a=true"))
    assert str(error.value).splitlines() == [
        "the command a has no shell to run in",
        "  add --userland debian:bookworm",
    ]
    commands.check_userland((), there=False)


@pytest.mark.usefixtures("userland")
def test_a_run_has_its_commands_as_probes_behind_all_others_and_a_contract_may_name_them(tmp_path: Path) -> None:
    made = setup.setup_of(options(*USERLAND, "--run", "a=true", "--run", "b=echo ok 1 x", "--probe", "capabilities"))
    assert made.probe_names[-2:] == ("a", "b")
    held = write(tmp_path / "c.toml", 'id = "c"\ntitle = "t"\nwhen = "X"\nchecks = ["a.exit_status", "b.x"]\n')
    contracts.check(contracts.read([held]), frozenset(made.probe_names))
    with pytest.raises(InputError, match="two probes are called a"):
        setup.setup_of(options(*USERLAND, "--run", "a=true", "--run", "a=false"))


def test_a_target_brings_commands(tmp_path: Path) -> None:
    runs = '[[run]]\nname = "a"\ncommand = "true"\ntimeout = 5\nneeds = ["ip", "CONFIG_VETH"]\n'
    write(tmp_path / "series" / "0001-a.patch", PATCH)
    write(tmp_path / "series" / "runs.toml", runs)
    write(tmp_path / "case" / "testcase.toml", CASE + runs)
    write(tmp_path / "case" / "patches" / "0001-a.patch", PATCH)
    wanted = (Run(name="a", command="true", timeout=5, needs=("ip", "CONFIG_VETH")),)
    for name in ("series", "case"):
        found = inputs.load(str(tmp_path / name))
        assert found.runs == wanted
        assert options("--run", "b=false").of(found).runs == (Run(name="b", command="false"), *wanted)


@pytest.mark.parametrize("text", ["run = 3\n", "[[run]]\nname = 'a'\n", "[[run]]\nwhat = 1\n", "[[runs]]\n", "\0", "["])
def test_a_file_of_commands_that_is_none_is_refused_by_its_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"runs\.toml") as error:
        commands.read(write(tmp_path / "runs.toml", text))
    assert str(error.value).count("\n") == 1


def test_a_file_of_commands_has_to_lie_in_its_target(tmp_path: Path) -> None:
    write(tmp_path / "series" / "0001-a.patch", PATCH)
    (tmp_path / "series" / "runs.toml").symlink_to(write(tmp_path / "elsewhere.toml", ""))
    with pytest.raises(InputError, match="leads out of"):
        inputs.load(str(tmp_path / "series"))


def test_of_the_options_that_a_command_needs_those_are_left_that_a_kernel_lacks() -> None:
    runs = [Run(name="a", command="true", needs=("ip", "CONFIG_VETH", "CONFIG_TUN", "CONFIG_NO"))]
    asked = (Probe.ours("x"), *commands.probes(runs, ()))
    config = "CONFIG_VETH=y\nCONFIG_TUN=m\n# CONFIG_NO is not set\nCONFIG_NOTE=y\n"
    there = commands.for_kernel(asked, lambda: config)
    assert there[0] == asked[0] and there[1].argv[4:] == ("ip", "CONFIG_NO")
    assert commands.lacking(there) == ("a CONFIG_NO",)


def test_who_needs_no_option_has_no_configuration_looked_at() -> None:
    asked = (Probe.ours("x"), *commands.probes([Run(name="a", command="true", needs=("ip",))], ()))

    def never() -> str:
        raise AssertionError

    assert commands.for_kernel(asked, never) is asked and commands.lacking(asked) == ()


def test_who_asks_for_no_command_has_the_conditions_and_the_list_that_there_always_were() -> None:
    plain = Conditions(arch="x86_64", probes=(Probe.ours("a"), Probe.program("b")))
    assert msgspec.json.decode(msgspec.json.encode(plain)) == {
        "arch": "x86_64",
        "config": "",
        "make": [],
        "probes": [
            {"name": "a", "argv": ["/probes/a"], "origin": "ours", "seconds": None, "environment": {}},
            {"name": "b", "argv": ["/programs/b"], "origin": "program", "seconds": None, "environment": {}},
        ],
        "programs": [],
        "selftests": [],
        "machine": msgspec.json.decode(msgspec.json.encode(plain.machine)),
        "repeat": 1,
        "boxed": True,
    }
    assert (
        initramfs.told(plain.probes, 9) == "probe a\nseconds 9\narg /probes/a\nprogram b\nseconds 9\narg /programs/b\n"
    )


def test_the_command_to_repeat_has_the_commands() -> None:
    words = options("--run", "a=test -e /dev/kvm").words
    assert words[words.index("--run") + 1] == "a=test -e /dev/kvm"


def test_what_a_command_printed_before_the_machine_ended_is_kept_beside_what_others_printed_after_it() -> None:
    def seen(**printed: str) -> Boot:
        return Boot(
            outcome=Outcome.OK, ending=Ending.DONE, detail="", seconds=1.0, seconds_to_first_check=None, caps={},
            checks=(), console="", printed=printed,
        )  # fmt: skip

    assert isolation.joined(seen(a="1", b="2"), seen(c="3")).printed == {"a": "1", "b": "2", "c": "3"}
