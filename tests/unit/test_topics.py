# SPDX-License-Identifier: GPL-2.0-only
"""Two TARGETs as topics on one base: where git merges them, what is of which, and what cannot be merged."""

from dataclasses import replace
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import merging
from kseries.app.options import Options
from kseries.bisect.merging import clash
from kseries.cli import main
from kseries.model import events
from kseries.model.errors import InputError
from kseries.plan.topics import Topics
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository, lines


class Place:
    """A repository with two branches of a history, and a store of trees."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = Repository(place / "linux")
        self.told: list[str] = []
        self.options = Options(out=place / "out", tree=str(self.repository.path))
        self.trees = TreeStore(place / "trees.git")
        self.commit("base", Makefile="VERSION = 6\n", notes=lines())
        self.branch("one", "base")
        self.commit("a1", a="1\n")
        self.commit("a2", a="2\n")
        self.branch("two", "base")
        self.commit("b1", b="1\n")
        self.commit("b2", b="2\n")

    def branch(self, name: str, start: str) -> None:
        self.repository.git("checkout", "--quiet", "-b", name, start)

    def commit(self, name: str, **files: str) -> None:
        self.repository.commit(name, files)
        self.repository.git("tag", name)

    def topics(self, first: str, second: str) -> Topics:
        pair = (self.load(first), self.load(second))
        return merging.topics(pair, self.options, self.trees, self.hear)

    def load(self, target: str) -> inputs.Target:
        return inputs.load(target, self.options.tree)

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self.told.append(event.what)

    def fails(self, first: str, second: str) -> str:
        with pytest.raises(InputError) as error:
            self.topics(first, second)
        assert str(error.value).count("\n") <= 1
        return str(error.value)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Place(tmp_path)


def numbers(made: Topics) -> tuple[list[int], list[int]]:
    first, second = ([patch.number for patch in topic.patches] for topic in (made.first, made.second))
    return first, second


def test_each_state_of_two_ranges_is_the_merge_that_git_makes(place: Place) -> None:
    made = place.topics("base..one", "base..two")
    assert (made.base.tree, made.ends, place.told) == (place.repository.tree("base"), (2, 2), [])
    for first, second in ((1, 1), (2, 1), (2, 2)):
        place.repository.git("checkout", "--quiet", "--detach", f"a{first}")
        place.repository.git("merge", "--quiet", "--no-edit", f"b{second}")
        assert made.state(first, second).tree == place.repository.tree()
    names = {counts: made.state(*counts).id for counts in ((0, 0), (2, 0), (0, 2), (1, 0), (1, 2), (2, 1), (2, 2))}
    assert [*names.values()] == [
        "base", "first", "second", "first-1", "first-1+second", "first+second-1", "both",
    ]  # fmt: skip
    assert made.state(1, 0).tree == place.repository.tree("a1")


def test_what_two_ranges_share_is_below_their_merge_and_of_neither(place: Place) -> None:
    place.branch("three", "a1")
    place.commit("c1", c="1\n")
    made = place.topics("base..one", "base..three")
    assert (made.base.tree, numbers(made)) == (place.repository.tree("a1"), ([2], [2]))


def test_what_lies_under_a_range_comes_with_it(place: Place) -> None:
    made = place.topics("base..one", "b1..two")
    assert (made.base.tree, numbers(made), made.ends) == (place.repository.tree("base"), ([1, 2], [1]), (2, 2))
    assert made.state(0, 1).id == "second-0" and made.state(0, 1).tree == place.repository.tree("b1")
    fork = place.repository.git("rev-parse", "base")
    assert place.told == [f"b1..two comes with what is below it: git merges from {fork[:12]} on"]


def test_patches_are_put_on_the_base_of_a_range_whichever_comes_first(place: Place) -> None:
    place.repository.git("format-patch", "--quiet", "-o", str(place.place / "mine"), "base..one")
    for pair in (("base..two", "mine"), ("mine", "base..two")):
        made = place.topics(*(str(place.place / one) if one == "mine" else one for one in pair))
        assert made.base.tree == place.repository.tree("base")
        assert {topic.patches[-1].tree_after for topic in (made.first, made.second)} == {
            place.repository.tree("one"), place.repository.tree("two"),
        }  # fmt: skip
        assert place.told.pop().startswith("mine is put on the base of the other: ")


def test_patches_of_two_directories_share_the_base_that_is_named_or_found(place: Place) -> None:
    for name, file in (("one", "notes"), ("two", "Makefile")):
        place.branch(f"of-{name}", "base")
        place.repository.commit("x", {file: "x\n"} if file == "notes" else {file: "VERSION = 6\n# x\n"})
        place.repository.git("format-patch", "--quiet", "-o", str(place.place / name), "base..")
    place.branch("later", "base")
    place.commit("later-on", Makefile="VERSION = 6\n# later\n")  # what the first changes is as it was
    made = place.topics(str(place.place / "one"), str(place.place / "two"))
    assert (made.base.tree, made.base.guessed) == (
        place.repository.tree("base"),
        place.repository.git("rev-parse", "base"),
    )
    assert made.state(*made.ends).tree is not None
    place.options = Options(out=place.place / "out", tree=str(place.repository.path), base="base")
    made = place.topics(str(place.place / "one"), str(place.place / "two"))
    assert made.base.tree == place.repository.tree("base")


def test_a_range_is_moved_to_the_base_of_a_bundle(place: Place) -> None:
    place.repository.git("bundle", "create", "--quiet", str(place.place / "a.bundle"), "b1..two")
    made = place.topics(str(place.place / "a.bundle"), "base..one")
    assert made.base.tree == place.repository.tree("b1")
    place.repository.git("checkout", "--quiet", "--detach", "two")
    place.repository.git("merge", "--quiet", "--no-edit", "one")
    assert made.state(*made.ends).tree == place.repository.tree()


def test_a_conflict_is_between_two_patches(place: Place) -> None:
    place.repository.git("checkout", "--quiet", "one")
    place.commit("a3", notes=lines(line3="mine"))
    place.repository.git("checkout", "--quiet", "two")
    place.commit("b3", notes=lines(line3="theirs"))
    place.commit("b4", b="4\n")
    found = clash(place.topics("base..one", "base..two"))
    assert found is not None and found.between is not None
    assert (found.conflicts, found.together, found.between.first, found.between.second) == (
        ("notes",),
        False,
        (3,),
        (3,),
    )
    assert (found.between.broken, found.between.sound) == ("first+second-3", ("first-2+second-3", "first+second-2"))
    assert clash(place.topics("base..a2", "base..two")) is None


def test_what_cannot_be_merged_is_told(place: Place) -> None:
    same = "both are the same patches: there is nothing to merge\n  name another topic"
    assert place.fails("base..one", "base..a2") == place.fails("a1..one", "base..one") == same
    has = place.fails("base..a1", "base..one")
    assert "has all of" in has and has.endswith("\n  there is nothing to merge")
    place.repository.git("checkout", "--quiet", "--orphan", "alone")
    place.commit("o1", o="1\n")
    place.commit("o2", o="2\n")
    assert place.fails("o1..o2", "base..one").endswith("have no commit in common\n  name two ranges of one history")
    for ours, theirs in (("a2", "b1"), ("b1", "a2")):  # each has merged what the other one is made of
        place.repository.git("checkout", "--quiet", "-b", f"from-{ours}", ours)
        place.repository.git("merge", "--quiet", "--no-edit", theirs)
        place.repository.git("tag", f"m-{ours}")
        place.commit(f"on-{ours}", **{f"on-{ours}": "1\n"})
    assert "part at more than one commit: " in place.fails("m-a2..on-a2", "m-b1..on-b1")
    place.repository.git("format-patch", "--quiet", "-o", str(place.place / "mine"), "a1..one")
    assert "0001-a2.patch is not for " in place.fails("base..two", str(place.place / "mine"))


def test_two_trees_are_one_too_many(place: Place) -> None:
    place.options = Options(out=place.place / "out")
    other = Place(place.place / "other")
    here = inputs.load("base..one", str(place.repository.path))
    elsewhere = inputs.load("base..two", str(other.repository.path))
    with pytest.raises(InputError) as error:
        merging.topics((here, elsewhere), place.options, place.trees, place.hear)
    assert str(error.value) == (
        f"one TARGET is for {place.repository.path}, the other for {other.repository.path}\n"
        "  name one of them with --tree"
    )


def test_all_kernels_are_asked_what_either_topic_brings(place: Place) -> None:
    for name in ("one", "two"):
        folder = place.place / name
        place.repository.git("format-patch", "--quiet", "-o", str(folder), f"base..{name}")
        (folder / "contracts.toml").write_text("")
        (folder / "probes").mkdir()
        (folder / "probes" / f"of_{name}.c").write_text("int main(void) { return 0; }\n")
    pair = (place.load(str(place.place / "one")), place.load(str(place.place / "two")))
    asked = merging.of_both(place.options, pair)
    assert [path.parent.name for path in asked.contracts] == ["one", "two"]
    assert [path.stem for path in asked.programs] == ["of_one", "of_two"]
    assert asked.probes is None
    left_out = merging.of_both(replace(place.options, no_contracts=True), pair)
    assert left_out.contracts == () and [path.parent.name for path in left_out.unasked] == ["one", "two"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("base..one",), "the following arguments are required: OTHER\n  see kseries merge --help"),
        (("base..one", "base..one"), "base..one is named twice: a merge is of two topics\n  name another one"),
        (("-", "-"), "- is named twice"),
        (("base..one", "one..base"), "one..base holds no commit in "),
        (("base..one", "base..three"), "no such revision: three, of base..three"),
        (("base..one", "nothing"), "no such TARGET: nothing\n  it takes "),
        (("base..one", "base..two", "--most", "-1"), "-1 is not a number from 0 to 1000"),
        (("base..one", "base..two", "--arch", "arm64,x86_64"), "one at a time here"),
    ],
)
def test_a_wrong_command_line_is_told_in_two_lines(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(place.place)
    try:
        status = main(["merge", *words, "--tree", str(place.repository.path)])
    except SystemExit as usage:
        status = int(usage.code or 0)
    err = capsys.readouterr().err
    assert (status, said in err, err.count("\n") <= 2) == (2, True, True), err
    assert not (place.place / "kseries-out").exists()
