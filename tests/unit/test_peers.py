# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark against peers: what of it is arithmetic, what it keeps, and which patches it chooses."""

from pathlib import Path

import pytest
from benchmarks.peers import choice, clean, ours, series, table
from benchmarks.peers.meter import Cost
from benchmarks.peers.pieces import BASE, BOOT, CLEAN, KSERIES, ONE_TREE, REST, VNG, Piece, Pieces, Step
from benchmarks.peers.series import Commit
from benchmarks.peers.table import CLOCK, CPU, UNITS, Spread

from kseries.model import Outcome, State, StateResult

UNIT = Cost(wall=12.0, cpu=10.0)


def cost(cpu: float) -> Cost:
    return Cost(wall=cpu / 2, cpu=cpu)


def piece(way: str, part: str, cpu: float, number: int = 0, of: int = 1) -> Piece:
    unit, stages = UNIT if number else None, {"make": cpu / 4}
    return Piece(series="split", way=way, part=part, round=number, cost=cost(cpu), unit=unit, stages=stages, of=of)


@pytest.fixture
def pieces(tmp_path: Path) -> Pieces:
    """Of eleven states: base, which is cold, and ten behind it in three rounds."""
    made = Pieces(tmp_path / "peers.json")
    for way, base, rounds in ((ONE_TREE, 500, (300, 400, 320)), (KSERIES, 480, (120, 100, 110))):
        made.add(piece(way, BASE, base))
        for number, cpu in enumerate(rounds, 1):
            made.add(piece(way, REST, cpu, number, of=10))
    for number, cpu in enumerate((450, 500, 460)):
        made.add(piece(CLEAN, f"prefix-{number}", cpu, of=11))
    return made


# --- what is kept -------------------------------------------------------------------------------


def test_a_second_start_knows_what_the_first_has_measured(pieces: Pieces, tmp_path: Path) -> None:
    again = Pieces(tmp_path / "peers.json")
    assert again.has("split", ONE_TREE, REST, 3) and not again.has("split", ONE_TREE, REST, 4)
    assert not again.has("queue", ONE_TREE, REST, 3)
    assert again.of("split", KSERIES) == pieces.of("split", KSERIES)
    assert [one.round for one in again.of("split", ONE_TREE, REST)] == [1, 2, 3]


def test_what_is_measured_again_takes_the_place_of_what_was(pieces: Pieces, tmp_path: Path) -> None:
    pieces.add(piece(ONE_TREE, REST, 1, 2, of=10))
    assert [one.cost.cpu for one in Pieces(tmp_path / "peers.json").of("split", ONE_TREE, REST)] == [300, 1, 320]


def test_what_another_start_has_added_stays(pieces: Pieces, tmp_path: Path) -> None:
    other = Pieces(tmp_path / "peers.json")
    other.add(piece(ONE_TREE, REST, 330, 4, of=10))
    pieces.add(piece(ONE_TREE, REST, 340, 5, of=10))
    assert [one.round for one in Pieces(tmp_path / "peers.json").of("split", ONE_TREE, REST)] == [1, 2, 3, 4, 5]


# --- arithmetic ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "what", "median", "low", "high"),
    [
        (CLEAN, CPU, 460 * 11, 450 * 11, 500 * 11),
        (ONE_TREE, CPU, 500 + 320, 500 + 300, 500 + 400),
        (KSERIES, CPU, 480 + 110, 480 + 100, 480 + 120),
        (KSERIES, CLOCK, 295, 290, 300),
        (KSERIES, UNITS, 59, 58, 60),
        (CLEAN, UNITS, 506, 495, 550),
    ],
)
def test_a_total_is_what_was_measured_once_and_the_middle_of_the_rounds(
    pieces: Pieces, way: str, what: str, median: float, low: float, high: float
) -> None:
    found = table.total(pieces, "split", way, what)
    assert found is not None
    assert (found.median, min(found.every), max(found.every)) == pytest.approx((median, low, high))


def test_a_ratio_is_that_of_the_medians_and_says_how_far_off_it_could_be() -> None:
    assert str(Spread((8.0, 10.0, 12.0)) / Spread((4.0, 5.0, 6.0))) == "2.00 (1.33 to 3.00)"


def test_what_was_not_measured_is_not_guessed(tmp_path: Path) -> None:
    made = Pieces(tmp_path / "peers.json")
    assert table.total(made, "split", KSERIES, CPU) is None
    made.add(piece(KSERIES, BASE, 480))
    assert table.total(made, "split", KSERIES, CPU) is None
    assert f"| (c) kseries | {' | '.join([table.UNKNOWN] * 3)} |" in table.markdown(made, ["split"])


def test_the_tables_have_ratios_stages_what_came_of_the_states_and_boots(pieces: Pieces) -> None:
    steps = (
        Step(state="prefix-1", costs={"make": cost(20), "boot": cost(8)}, compiled=3, changed=True),
        Step(state="prefix-2", costs={"make": cost(5), "boot": cost(7)}, compiled=0, changed=False),
        Step(state="without-1", costs={"make": cost(4)}, compiled=1, changed=False),
    )
    rest = Piece(
        series="split", way=ONE_TREE, part=REST, round=1, cost=cost(300), unit=UNIT, stages={"make": 20.0}, steps=steps
    )
    pieces.add(rest)
    for number, (vng, mine) in enumerate(((4.0, 2.0), (6.0, 2.1), (5.0, 1.9))):
        stages = {"whole": vng + 1}
        for part, seconds in ((VNG, vng), (KSERIES, mine)):
            took = Cost(wall=seconds, cpu=0.0)
            pieces.add(Piece(series="split", way=BOOT, part=part, round=number, cost=took, stages=stages))
    told = table.markdown(pieces, ["split"])
    assert "| (a) clean builds | 8.58 (" in told
    assert "compiles something: 1 of 2" in told
    assert "booted again: 1, in 7 CPU seconds" in told
    assert "do not build: without-1\n" in told
    assert "| kseries' part of vng's | 0.40 (0.32 to 0.53) |" in told


def test_the_states_of_a_sample_are_far_from_each_other() -> None:
    commits = tuple(Commit(f"prefix-{number}", "") for number in range(24))
    assert [one.state for one in clean.spread(commits, 5)] == [f"prefix-{number}" for number in (0, 5, 11, 17, 23)]
    assert clean.spread(commits[:3], 5) == list(commits[:3])


def test_what_a_state_has_of_another_is_spent_once() -> None:
    seconds = {"configure": 1.0, "compile": 5.0, "link": 2.0, "build": 9.0, "boot": 4.0}

    def state(name: str, **how: str) -> StateResult:
        about = {"scenario": "prefixes", "applied": (), "patch": None, "tree": name, "same_as": None}
        return StateResult(id=name, outcome=Outcome.OK, seconds=seconds, **(about | how))  # type: ignore[arg-type]

    states = (state("base"), state("prefix-1", built_as="base"), state("prefix-2", booted_as="base"))
    assert ours.spent(states) == {"configure": 2.0, "compile": 10.0, "link": 4.0, "build": 2.0, "boot": 4.0}


# --- the states, and the patches ----------------------------------------------------------------


def test_a_tree_is_one_state() -> None:
    states = [
        State(id="base", scenario="prefixes", applied=(), tree="a"),
        State(id="prefix-1", scenario="prefixes", applied=(1,), tree="b"),
        State(id="without-1", scenario="reverts", applied=(), tree="a"),
        State(id="without-2", scenario="reverts", applied=(1,), tree=None),
    ]
    assert [one.id for one in series.distinct(states)] == ["base", "prefix-1"]


SERIES = """# Makefiles first
debian/make.patch

debian/one.patch
# a comment
bugfix/two.patch -p1
bugfix/old.patch
three.patch
"""
TOUCHED = {
    "debian/make.patch": (b"Makefile",),
    "debian/one.patch": (b"Makefile", b"kernel/fork.c"),
    "bugfix/two.patch": (b"include/linux/fs.h",),
    "bugfix/old.patch": (b"fs/namei.c",),
    "three.patch": (b"fs/open.c",),
}


def test_the_patches_are_the_first_that_change_code_and_apply() -> None:
    asked: list[str] = []

    def applied(name: str) -> bool:
        asked.append(name)
        return name != "bugfix/old.patch"

    names = list(choice.names_of(SERIES))
    assert names == list(TOUCHED)
    assert choice.first(3, names, TOUCHED.__getitem__, applied) == [
        "debian/one.patch",
        "bugfix/two.patch",
        "three.patch",
    ]
    assert asked == ["debian/one.patch", "bugfix/two.patch", "bugfix/old.patch", "three.patch"]
    assert choice.first(1, names, TOUCHED.__getitem__, applied) == ["debian/one.patch"]
    assert len(asked) == 5, "what comes behind the last one is not applied"
