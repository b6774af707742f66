# SPDX-License-Identifier: GPL-2.0-only
"""What a watch makes of mails: which series it judges, in which order, on which base; what it tells of the others."""

import re
from pathlib import Path

import msgspec
import pytest

from kseries.cli import target
from kseries.inputs.prerequisite import Prerequisite
from kseries.model import Budget, RunResult
from kseries.model.errors import InfraError
from kseries.watch import prerequisites, sources
from kseries.watch.choosing import Picks
from kseries.watch.item import Stage
from kseries.watch.publishing import Publisher
from kseries.watch.sources.maildir import Maildir as Source
from tests.support import patchworkevents, runs
from tests.support.bases import MAKEFILE
from tests.support.gitrepo import Repository, lines
from tests.support.inbox import Maildir, posting
from tests.support.mails import reply
from tests.support.watched import UNSAFE, Watch

FILES = ("virt/kvm/kvm_main.c", "mm/gup.c")


class List:
    """A repository of a kernel, a list that series of it are posted to, and a watch of both."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.linux = Repository(place / "linux")
        self.linux.commit("base", {"Makefile": MAKEFILE, **dict.fromkeys(FILES, lines(40))})
        self.linux.git("tag", "base")
        self.mails = Maildir(place / "mails")

    def commits(self, *subjects: str, onto: str = "base", file: str = FILES[0], words: str = "") -> str:
        """A range of commits, each of which changes a line of a file; HEAD stays where it is."""
        self.linux.git("checkout", "--quiet", "--detach", onto)
        for number, subject in enumerate(subjects, 1):
            text = (self.linux.path / file).read_text().splitlines()
            text[8 * number] = f"{subject} {words}"
            self.linux.commit(subject, {file: "\n".join((*text, ""))})
        tip = self.linux.git("rev-parse", "HEAD")
        self.linux.git("checkout", "--quiet", "main")
        return f"{onto}..{tip}"

    def post(self, name: str, *subjects: str, onto: str = "base", **how: str | int) -> list[bytes]:
        file, words = str(how.pop("file", FILES[0])), str(how.pop("words", ""))
        return posting(self.linux, self.commits(*subjects, onto=onto, file=file, words=words), name, **how)  # type: ignore[arg-type]

    def watch(self, **more: object) -> Watch:
        return Watch(self.place, Source(self.mails.path), self.linux.path, **more)  # type: ignore[arg-type]


@pytest.fixture
def posted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> List:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return List(tmp_path)


def both(name: str) -> list[str]:
    """The runs of a series."""
    return [f"quick {name}", f"full {name}"]


def test_a_series_is_answered_quickly_and_then_wholly_and_nothing_is_done_twice(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A", "KVM: B", cover="KVM: Two things", base="base"))
    watch = posted.watch()
    assert watch.round() == ["quick KVM-Two-things", "full KVM-Two-things"], watch.told
    (item,) = watch.items
    base = posted.linux.git("rev-parse", "base")
    assert (item.stage, item.patches, item.sender) == (Stage.DONE, 2, "author@example.com")
    assert item.base is not None and item.base.told == f"{base[:12]} of linux, its base-commit"
    quick, full = watch.runs.argvs
    target = posted.place / "queue" / "series" / "0001" / "0001-KVM-Two-things"
    assert quick[quick.index("run") :] == [
        *("run", str(target), "--tree", str(posted.linux.path), "--base", base),
        *("--scenario", "prefixes", "--build-only", "--make", "W=1", "--out", str(target.parent / "quick")),
    ]
    assert full[full.index("run") + 6 :] == ["--make", "W=1", "--out", str(target.parent / "full")]
    assert sorted(path.name for path in target.iterdir()) == [
        "0000-cover-letter.patch",
        "0001-KVM-A.patch",
        "0002-KVM-B.patch",
    ]
    before = watch.page
    assert [*before] == ["0001/full/report.html", "0001/quick/report.html", "index.html"]
    watch.begin()
    assert watch.round() == [] and watch.page == before


def test_the_newest_version_takes_the_place_of_those_before(posted: List) -> None:
    posted.mails.deliver(*posted.post("v1", "KVM: A", "KVM: B", cover="KVM: Two things"))
    posted.mails.deliver(
        *posted.post("v2", "KVM: A", "KVM: B", cover="KVM: Two things", version=2, words="new", answers="v1-0")
    )
    watch = posted.watch()
    assert watch.round() == ["quick KVM-Two-things-v2", "full KVM-Two-things-v2"]
    assert watch.stages == {"KVM: Two things v1": "superseded", "KVM: Two things v2": "done"}
    assert watch.items[0].told == "#2 (v2) took its place" and watch.items[0].by == 2


def test_a_version_in_a_thread_of_its_own_is_known_by_its_subject_or_by_its_change_id(posted: List) -> None:
    posted.mails.deliver(*posted.post("v1", "KVM: A", "KVM: B", cover="KVM: Two things"))
    posted.mails.deliver(*posted.post("v3", "KVM: A", "KVM: B", cover="KVM: Two  Things", version=3, words="new"))
    changed = {"trailers": "change-id: 20261130-two-0123456789ab\n"}
    posted.mails.deliver(*posted.post("w1", "mm: A", "mm: B", file=FILES[1], cover="mm: Old words", **changed))
    posted.mails.deliver(
        *posted.post("w2", "mm: A", "mm: B", file=FILES[1], cover="mm: New", version=2, words="new", **changed)
    )
    watch = posted.watch()
    assert watch.round() == [
        f"{which} {name}" for name in ("KVM-Two-Things-v3", "mm-New-v2") for which in ("quick", "full")
    ]


def test_an_older_version_that_comes_late_is_not_judged(posted: List) -> None:
    posted.mails.deliver(*posted.post("v2", "KVM: A", version=2, words="new"))
    watch = posted.watch()
    assert len(watch.round()) == 2
    posted.mails.deliver(*posted.post("v1", "KVM: A"))
    assert watch.round() == []
    assert watch.stages == {"KVM: A v2": "done", "KVM: A v1": "superseded"}


def test_what_is_sent_again_is_not_judged_again(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A", "KVM: B", cover="KVM: Two things"))
    posted.mails.deliver(*posted.post("two", "KVM: A", "KVM: B", cover="KVM: Two things", prefix="PATCH RESEND"))
    watch = posted.watch()
    assert len(watch.round()) == 2
    assert [one.stage for one in watch.items] == [Stage.DONE, Stage.SAME]
    assert watch.items[1].told == "the same patches as #1"


def test_a_reply_with_a_patch_in_it_is_no_series(posted: List) -> None:
    mails = posted.post("one", "KVM: A", "KVM: B", cover="KVM: Two things")
    idea = posted.post("idea", "KVM: An idea", file=FILES[1], answers="one-2")
    posted.mails.deliver(*mails, reply(mails[1]), *idea)
    watch = posted.watch()
    assert len(watch.round()) == 2 and [*watch.stages] == ["KVM: Two things v1"]


def test_a_single_patch_is_not_made_to_wait_for_what_it_answers(posted: List) -> None:
    posted.mails.deliver(*posted.post("fix", "KVM: Fix it", answers="elsewhere-0"))
    assert posted.watch().round() == both("KVM-Fix-it")


def test_a_patch_that_answers_a_discussion_is_a_series(posted: List) -> None:
    report = b"From: U <u@example.com>\nSubject: KVM oopses\nMessage-ID: <bug-0@posted.example>\n\nIt does.\n"
    posted.mails.deliver(report, *posted.post("fix", "KVM: Fix it", answers="bug-0"))
    assert len(posted.watch().round()) == 2


def test_a_series_is_waited_for_until_it_is_whole_and_not_for_ever(posted: List) -> None:
    mails = posted.post("one", "KVM: A", "KVM: B", cover="KVM: Two things")
    posted.mails.deliver(mails[0], mails[2])
    watch = posted.watch()
    assert watch.round() == []
    assert [(one.stage, one.told) for one in watch.items] == [(Stage.WAITING, "waiting for 1/2")]
    watch.time.pass_(watch.order.patience)
    assert watch.round() == []
    assert [(one.stage, one.told) for one in watch.items] == [(Stage.INCOMPLETE, "did not come: 1/2")]
    posted.mails.deliver(mails[1])
    assert len(watch.round()) == 2


def test_a_cover_letter_that_does_not_come_is_waited_for_too(posted: List) -> None:
    mails = posted.post("one", "KVM: A", "KVM: B", cover="KVM: Two things", base="base")
    posted.mails.deliver(*mails[1:])
    watch = posted.watch()
    assert watch.round() == []
    assert watch.items[0].told == "waiting for the mail that it answers, <one-0@posted.example>"
    watch.time.pass_(watch.order.patience)
    assert watch.round() == ["quick KVM-A", "full KVM-A"]


def test_what_others_are_made_on_top_of_is_judged_before_them_and_applied(posted: List) -> None:
    first = posted.commits("KVM: A")
    tip = first.rpartition(".")[2]
    on_top = posted.commits("KVM: B", onto=tip, file=FILES[1])
    depends = "Depends-on: <one-1@posted.example>\n"
    posted.mails.deliver(*posting(posted.linux, on_top, "two", trailers=depends))
    posted.mails.deliver(*posted.post("other", "mm: C", file=FILES[1]))
    posted.mails.deliver(*posting(posted.linux, first, "one"))
    watch = posted.watch()
    order = ["quick KVM-A", "full KVM-A", "quick KVM-B", "full KVM-B", "quick mm-C", "full mm-C"]
    assert watch.round() == order
    given = watch.runs.argvs[2]
    before = Path(given[given.index("--prerequisite") + 1])
    assert [path.name for path in before.iterdir()] == ["0001-KVM-A.patch"]


@pytest.mark.parametrize("named", ["its base", "nothing"])
def test_what_was_judged_without_its_prerequisite_is_judged_again_once_that_has_come(posted: List, named: str) -> None:
    first = posted.commits("KVM: A")
    on_top = posted.commits("KVM: B", onto=first.rpartition(".")[2])
    base = "base" if named == "its base" else ""
    depends = "Depends-on: <one-1@posted.example>\n"
    posted.mails.deliver(*posting(posted.linux, on_top, "two", trailers=depends, base=base))
    watch = posted.watch()
    assert watch.round() == []
    assert watch.stages == {"KVM: B v1": "done" if base else "no-base"}
    posted.mails.deliver(*posting(posted.linux, first, "one"))
    assert watch.round() == [*both("KVM-A"), *both("KVM-B")]
    assert {*watch.stages.values()} == {"done"}


@pytest.mark.parametrize("named", ["change-id", "patch-id"])
def test_prerequisites_are_known_by_their_other_names(posted: List, named: str) -> None:
    first = posted.commits("KVM: A", "KVM: A2")
    on_top = posted.commits("KVM: B", onto=first.rpartition(".")[2], file=FILES[1])
    change = "change-id: 20261130-a-0123456789ab\n"
    posted.mails.deliver(*posting(posted.linux, first, "one", cover="KVM: As", trailers=change))
    if named == "change-id":
        depends = f"prerequisite-{change.strip()}:v1\n"
    else:
        text = posted.linux.run("log", "-p", "--reverse", first).stdout
        ids = posted.linux.git("patch-id", "--stable", stdin=text).splitlines()
        depends = "".join(f"prerequisite-patch-id: {one.split()[0]}\n" for one in ids)
    posted.mails.deliver(*posting(posted.linux, on_top, "two", trailers=depends))
    watch = posted.watch()
    assert len(watch.round()) == 4
    given = watch.runs.argvs[2]
    before = Path(given[given.index("--prerequisite") + 1])
    assert [re.sub(r"^\d+-", "", path.name) for path in sorted(before.iterdir())][-2:] == [
        "KVM-A.patch",
        "KVM-A2.patch",
    ]


def test_a_series_whose_files_are_in_no_tree_is_for_another_project(posted: List, tmp_path: Path) -> None:
    other = Repository(tmp_path / "qemu")
    other.commit("base", {"hw/x.c": lines(20)})
    other.git("tag", "base")
    other.commit("hw: X", {"hw/x.c": lines(20, line3="x")})
    posted.mails.deliver(*posting(other, "base..main", "qemu"))
    watch = posted.watch()
    assert watch.round() == []
    assert [(one.stage, one.told) for one in watch.items] == [(Stage.NOT_OURS, "no tree has its files: hw/x.c")]


def test_a_series_whose_base_nobody_knows_is_told_and_not_run(posted: List, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit("base", {"Makefile": MAKEFILE, FILES[0]: lines(60)})
    other.git("tag", "base")
    other.commit("KVM: X", {FILES[0]: lines(60, line3="x")})
    posted.mails.deliver(*posting(other, "base..main", "x", base="base"))
    watch = posted.watch()
    assert watch.round() == []
    (item,) = watch.items
    assert item.stage is Stage.NO_BASE
    assert item.told.startswith("no base known: its base-commit ")
    assert "0 of 1 files match HEAD" in item.told and item.told.endswith(
        "MAINTAINERS names none of the trees for its files"
    )


def test_the_tree_that_maintainers_names_is_taken_if_the_user_has_named_it(posted: List, tmp_path: Path) -> None:
    url = "git://git.kernel.org/pub/scm/virt/kvm/kvm.git"
    entry = (
        f"KVM\nM:\tP <p@example.com>\nT:\tgit {url}\nF:\tvirt/kvm/*\n\nTHE REST\nT:\tgit git://x/y.git\nF:\t*\nF:\t*/\n"
    )
    posted.linux.commit("MAINTAINERS", {"MAINTAINERS": entry})
    other = Repository(tmp_path / "other")
    other.commit("base", {"Makefile": MAKEFILE, FILES[0]: lines(40, line40="else")})
    other.git("tag", "base")
    other.commit("KVM: X", {FILES[0]: lines(40, line3="x", line40="else")})
    posted.mails.deliver(*posting(other, "base..main", "x"))
    assert posted.watch().round() == [], "nobody has named that tree"
    posted.linux.git("remote", "add", "origin", "https://git.kernel.org/pub/scm/virt/kvm/kvm")
    posted.linux.git("tag", "fetched")
    watch = posted.watch()
    assert len(watch.round()) == 2
    assert watch.items[0].base is not None
    assert watch.items[0].base.told.endswith("the head of origin, which MAINTAINERS names for its files")


def test_what_does_not_apply_where_such_series_only_go_has_no_base(posted: List, tmp_path: Path) -> None:
    entry = "KVM\nT:\tgit git://x/kvm.git\nF:\tvirt/kvm/*\n"
    posted.linux.commit("MAINTAINERS", {"MAINTAINERS": entry})
    posted.linux.git("remote", "add", "origin", "git://x/kvm.git")
    other = Repository(tmp_path / "other")
    other.commit("base", {"Makefile": MAKEFILE, FILES[0]: lines(60)})
    other.git("tag", "base")
    other.commit("KVM: X", {FILES[0]: lines(60, line50="x")})
    posted.mails.deliver(*posting(other, "base..main", "x"))
    watch = posted.watch()
    assert watch.round() == []
    (item,) = watch.items
    assert item.stage is Stage.NO_BASE and "no base known: it does not apply to " in item.told


@pytest.mark.parametrize("elsewhere", ["another commit", "the same commit"])
def test_of_two_trees_whose_files_fit_none_is_taken_unless_it_is_one_commit(
    posted: List, tmp_path: Path, elsewhere: str
) -> None:
    clone = Repository(tmp_path / "stable")
    clone.git("pull", "--quiet", str(posted.linux.path), "main")
    if elsewhere == "another commit":
        clone.commit("stable", {"README": "stable\n"})
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = Watch(tmp_path, Source(posted.mails.path), posted.linux.path, clone.path)
    watch.round()
    (item,) = watch.items
    if elsewhere == "the same commit":
        assert item.stage is Stage.DONE
        return
    head, other = (one.git("rev-parse", "HEAD")[:12] for one in (posted.linux, clone))
    assert item.stage is Stage.NO_BASE
    assert item.told == f"no base known: its files are those of {head} of linux and of {other} of stable"


def test_a_long_chain_of_series_is_judged_all_the_same(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = posted.watch()
    watch.watcher.look()
    (item,) = watch.items
    queue = watch.watcher.queue
    for number in range(2, 1202):
        named = (Prerequisite(change_id=f"c{number + 1}"),)
        more = msgspec.structs.replace(item, number=number, change_id=f"c{number}", named=named)
        queue.items[number] = more
    queue.items[1] = msgspec.structs.replace(item, named=(Prerequisite(change_id="c2"),))
    assert watch.watcher._next() is not None


def test_what_a_stranger_posts_with_a_change_id_is_below_no_series(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = posted.watch()
    watch.watcher.look()
    (item,) = watch.items
    below = {
        number: msgspec.structs.replace(
            item, number=number, version=version, sender=sender, thread=number, change_id="c"
        )
        for number, version, sender in ((2, 1, item.sender), (3, 2, item.sender), (4, 99, "e@evil.example"))
    }
    named = msgspec.structs.replace(item, named=(Prerequisite(change_id="c"),))
    items = {item.number: named, **below}
    assert watch.watcher.queue.ask(lambda database: prerequisites.needs(database, items, named)) == [3]


def test_a_folder_is_the_base_of_what_was_made_from_its_files(posted: List, tmp_path: Path) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    folder = posted.linux.path / "unpacked"
    for name in (*FILES, "Makefile"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((posted.linux.path / name).read_bytes())
    watch = Watch(tmp_path, Source(posted.mails.path), folder)
    assert watch.round() == both("KVM-A")
    assert watch.items[0].base is not None and watch.items[0].base.revision == ""
    assert watch.items[0].base.told == "unpacked, whose file is what it was made from"
    assert "--base" not in watch.runs.argvs[0]


def test_a_series_that_does_not_apply_is_answered_with_the_words(posted: List, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit("base", {"Makefile": MAKEFILE, FILES[0]: lines(60)})
    other.git("tag", "base")
    other.commit("KVM: X", {FILES[0]: lines(60, line50="x")})
    head = posted.linux.git("rev-parse", "base")
    posted.mails.deliver(*posting(other, "base..main", "x", trailers=f"base-commit: {head}\n"))
    watch = posted.watch()
    assert watch.round() == []
    (item,) = watch.items
    assert item.stage is Stage.DONE and item.answer is not None and not item.answer.applies
    assert item.answer.headline.startswith("Does not apply: ")
    assert b"does not apply" in watch.page["index.html"]


@pytest.mark.parametrize(
    ("picks", "chosen"),
    [
        (Picks.of(["virt/kvm/*"], [], []), ["KVM: A v1"]),
        (Picks.of([], ["linux-mm@kvack.org"], []), ["mm: B v1"]),
        (Picks.of([], [], ["^.PATCH. mm: "]), ["mm: B v1"]),
        (Picks.of(["virt/kvm/*"], ["linux-mm@kvack.org"], []), []),
        (Picks.of(["virt/*", "mm/*"], [], []), ["KVM: A v1", "mm: B v1"]),
    ],
)
def test_only_what_was_asked_for_is_judged(posted: List, picks: Picks, chosen: list[str]) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    posted.mails.deliver(*posted.post("two", "mm: B", file=FILES[1], to="linux-mm@kvack.org"))
    watch = posted.watch(picks=picks)
    assert len(watch.round()) == 2 * len(chosen)
    assert [name for name, stage in watch.stages.items() if stage == "done"] == chosen
    everything = posted.watch()
    everything.round()
    assert {*everything.stages.values()} == {"done"}, "who asks for more later has it"


def test_a_budget_is_for_the_whole_answer_and_what_a_kernel_is_asked_not_for_the_quick_one(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    words = ("--probe", "capabilities", "--make", "CC=gcc")
    watch = posted.watch(budget="20m", words=words, quick_words=tuple(target.without_booted(words)))
    watch.round()
    quick, full = (argv[argv.index("run") + 6 : -2] for argv in watch.runs.argvs)
    assert quick == ["--make", "CC=gcc", "--scenario", "prefixes", "--build-only", "--make", "W=1"]
    assert full == [*words, "--make", "W=1", "--budget", "20m"], "it takes back no warning of the quick one"


def part(*left_out: str) -> RunResult:
    """A run whose budget was used up."""
    whole = runs.run(runs.state("base"), runs.state("prefix-1", 1))
    return msgspec.structs.replace(whole, partial=True, budget=Budget(seconds=2, left_out=left_out))


def test_what_its_budget_did_not_suffice_for_is_gone_on_with_behind_the_others(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"), *posted.post("two", "mm: B", file=FILES[1]))
    watch = posted.watch(budget="2s")
    whole = watch.runs.result
    parts = [whole(), part("base", "prefix-1"), whole(), whole(), part("prefix-1"), whole()]
    watch.runs.result = lambda: parts.pop(0)
    assert watch.round() == [*both("KVM-A"), *both("mm-B"), "full KVM-A", "full KVM-A"]
    (item, _) = watch.items
    assert item.stage is Stage.DONE and item.told == "" and item.full is not None and not item.full.unfinished
    assert watch.round() == []


def test_a_budget_within_which_nothing_more_is_done_is_not_given_for_ever(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = posted.watch(budget="2s")
    parts = [watch.runs.result(), *(part("prefix-1") for _ in range(9))]
    watch.runs.result = lambda: parts.pop(0)
    assert watch.round() == ["quick KVM-A", *["full KVM-A"] * 3]
    assert watch.items[0].stage is Stage.DONE and watch.round() == []


def test_of_a_partial_reroll_the_rest_is_of_the_version_before(posted: List) -> None:
    whole = posted.post("v1", "KVM: A", "KVM: B", cover="KVM: Two things")
    posted.mails.deliver(*whole)
    watch = posted.watch()
    watch.round()
    (again,) = posted.post("v2", "KVM: A", words="new", answers="v1-1", version=2)
    posted.mails.deliver(again.replace(b"[PATCH v2]", b"[PATCH v2 1/2]"))
    assert watch.round() == both("KVM-A-v2")
    names = sorted(path.name for path in (posted.place / "queue" / "series" / "0002" / "0002-KVM-A-v2").iterdir())
    assert names == ["v2-0000-cover-letter.patch", "v2-0001-KVM-A.patch", "v2-0002-KVM-B.patch"]


def test_a_cover_letter_tells_the_version_of_patches_that_tell_none(posted: List) -> None:
    mails = posted.post("v3", "KVM: A", "KVM: B", cover="KVM: Two things")
    posted.mails.deliver(mails[0].replace(b"[PATCH 0/2]", b"[PATCH v3 0/2]"), *mails[1:])
    assert posted.watch().round() == both("KVM-Two-things-v3")


def test_a_patchwork_is_watched_as_a_maildir_is(posted: List) -> None:
    with patchworkevents.served() as patchwork:
        patchwork.complete(
            7, "2026-11-30T10:00:00", posted.post("one", "KVM: A", "KVM: B", cover="KVM: Two", base="base")
        )
        watch = Watch(posted.place, sources.of(patchwork.source), posted.linux.path)
        assert watch.round() == both("KVM-Two")
        assert watch.items[0].base is not None and watch.items[0].base.told.endswith("its base-commit")
        assert watch.round() == []


# --- what goes wrong ----------------------------------------------------------------------------


def killed(argv: list[str]) -> None:
    raise KeyboardInterrupt


def test_one_that_is_ended_in_the_middle_goes_on_where_it_was(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"), *posted.post("two", "mm: B", file=FILES[1]))
    watch = posted.watch()
    watch.runs.meanwhile = lambda argv: killed(argv) if argv[-1].endswith("full") else None
    with pytest.raises(KeyboardInterrupt):
        watch.round()
    assert watch.stages == {"KVM: A v1": "full", "mm: B v1": "new"}
    watch.runs.meanwhile = lambda argv: None
    watch.begin()
    assert watch.round() == ["full KVM-A", "quick mm-B", "full mm-B"]


def test_a_run_whose_series_another_version_takes_the_place_of_is_ended(posted: List) -> None:
    posted.mails.deliver(*posted.post("v1", "KVM: A"))
    watch = posted.watch()

    def meanwhile(argv: list[str]) -> None:
        if argv[-1].endswith("0001/full"):
            posted.mails.deliver(*posted.post("v2", "KVM: A", version=2, words="new"))
            watch.time.pass_(watch.order.look)

    watch.runs.meanwhile = meanwhile
    assert watch.round() == ["quick KVM-A", "full KVM-A", "quick KVM-A-v2", "full KVM-A-v2"]
    assert watch.stages == {"KVM: A v1": "superseded", "KVM: A v2": "done"}


def test_what_this_host_failed_at_is_tried_again_and_not_for_ever(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"), *posted.post("two", "mm: B", file=FILES[1]))
    watch = posted.watch()
    watch.runs.statuses = {"0001/quick": 3}
    assert watch.round() == ["quick KVM-A", "quick mm-B", "full mm-B"], "the others do not wait for it"
    assert watch.items[0].told == "tried 1 time: it ended with 3; so it did" and watch.watcher.failed
    assert watch.round() == []
    watch.time.pass_(3600)
    assert watch.round() == ["quick KVM-A"]
    watch.time.now -= 86400
    assert watch.round() == ["quick KVM-A"], "a clock that was set back has nobody wait for a day"
    assert watch.items[0].stage is Stage.FAILED
    watch.time.pass_(86400 * 9)
    assert watch.round() == []
    watch.begin()
    assert watch.round() == ["quick KVM-A"] and watch.items[0].stage is Stage.FAILED, "once, in each watch"
    watch.begin()
    assert watch.round() == [], "and later each time"
    watch.runs.statuses = {}
    watch.time.pass_(3600)
    watch.begin()
    assert watch.round() == both("KVM-A") and [one.stage for one in watch.items[:1]] == [Stage.DONE]


def test_what_cannot_be_judged_is_not_tried_again_by_the_next_watch(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = posted.watch()
    watch.runs.statuses = {"0001/quick": 3}
    watch.round()
    watch.runs.statuses = {"0001/quick": 2}
    watch.time.pass_(3600)
    assert watch.round() == ["quick KVM-A"] and watch.items[0].stage is Stage.FAILED
    watch.time.pass_(3600)
    watch.begin()
    assert watch.round() == []


def test_series_of_one_subject_have_names_of_their_own(posted: List) -> None:
    (other,) = posted.post("two", "KVM: A", file=FILES[1])
    posted.mails.deliver(*posted.post("one", "KVM: A"), other.replace(b"author@", b"another@"))
    watch = posted.watch()
    watch.round()
    names = {Path(argv[argv.index("run") + 1]).name for argv in watch.runs.argvs}
    assert names == {"0001-KVM-A", "0002-KVM-A"}


def test_a_result_of_before_is_not_taken_for_that_of_a_run_that_has_none(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = posted.watch()
    watch.runs.statuses = {"0001/full": 3}
    watch.round()
    quick = posted.place / "queue" / "series" / "0001" / "quick"
    quick.rename(quick.with_name("full"))
    watch.runs.statuses, watch.runs.speechless = {}, True
    watch.time.pass_(3600)
    assert watch.round() == ["full KVM-A"]
    assert watch.items[0].full is None and watch.items[0].told.startswith("tried 2 times: ")


def test_a_clock_that_was_set_back_changes_no_order_and_waits_no_longer(posted: List) -> None:
    mails = posted.post("half", "KVM: A", "KVM: B", cover="KVM: Two things")
    posted.mails.deliver(mails[0], *posted.post("one", "mm: A", file=FILES[1]))
    watch = posted.watch()
    watch.round()
    watch.time.now -= 365 * 86400
    posted.mails.deliver(*posted.post("two", "mm: B", file=FILES[1], words="b"))
    posted.mails.deliver(*posted.post("three", "mm: C", file=FILES[1], words="c"))
    assert watch.round() == ["quick mm-B", "full mm-B", "quick mm-C", "full mm-C"]
    stages = [watch.items[0].stage]
    watch.time.pass_(watch.order.patience)
    watch.round()
    assert [*stages, watch.items[0].stage] == [Stage.WAITING, Stage.INCOMPLETE]


def test_ten_thousand_mails_that_are_no_patches_are_none_in_the_queue(posted: List) -> None:
    text = b"From: U <u@example.com>\nSubject: [ANNOUNCE] words %d\nMessage-ID: <%d@x.example>\n\nWords.\n"
    posted.mails.deliver(*(text % (number, number) for number in range(10_000)), *posted.post("one", "KVM: A"))
    watch = posted.watch()
    assert len(watch.round()) == 2 and [*watch.stages] == ["KVM: A v1"]
    position = watch.watcher.queue.position(watch.order.sources[0].name)
    assert watch.round() == [] and watch.watcher.queue.position(watch.order.sources[0].name) == position


def test_a_mail_that_is_too_large_is_told_and_passed_over(posted: List) -> None:
    large = posted.post("large", "KVM: Large")[0]
    posted.mails.deliver(large + b"+ a line\n" * (6 << 20), *posted.post("one", "KVM: A"))
    watch = posted.watch()
    assert len(watch.round()) == 2
    assert next(words for words in watch.told if "passed over" in words).endswith("has more than 16 MiB")
    assert watch.round() == [] and sum("passed over" in words for words in watch.told) == 1


def test_a_source_that_cannot_be_read_is_told_and_the_queue_goes_on(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = posted.watch()

    class Down:
        name = "down"

        def new(self, position: str, since: float | None) -> "list[object]":
            raise InfraError("cannot fetch https://down/: refused")

    object.__setattr__(watch.order, "sources", (Down(), *watch.order.sources))
    assert len(watch.round()) == 2
    assert watch.told[0] == "cannot fetch https://down/: refused" and watch.watcher.failed


# --- what is published --------------------------------------------------------------------------


def published(posted: List, **more: object) -> Watch:
    return posted.watch(publisher=Publisher(("patchwork=https://x",), "https://ci/"), **more)


TO = "--to patchwork=https://x --url https://ci/0001"


def test_an_answer_is_published_once_and_again_only_when_it_is_another(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = published(posted)
    watch.round()
    assert watch.runs.published == [f"0001/{which} {TO}/{which}" for which in ("quick", "full")]
    watch.begin()
    watch.round()
    assert len(watch.runs.published) == 2


def test_what_was_published_before_a_kill_is_not_published_by_us_again(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = published(posted)
    watch.runs.meanwhile = lambda argv: killed(argv) if argv[-1].endswith("full") and "run" in argv else None
    with pytest.raises(KeyboardInterrupt):
        watch.round()
    watch.runs.meanwhile = lambda argv: None
    watch.begin()
    watch.round()
    assert watch.runs.published == [f"0001/{which} {TO}/{which}" for which in ("quick", "full")]


def test_what_could_not_be_published_is_tried_in_the_next_round(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = published(posted)
    watch.runs.statuses = {"https://x": 3}
    watch.round()
    (said,) = (words for words in watch.told if "not published" in words)
    assert "not published to patchwork=https://x: it ended with 3" in said and watch.watcher.failed
    watch.runs.statuses = {}
    before = len(watch.runs.published)
    watch.round()
    assert watch.runs.published[before:] == [f"0001/full {TO}/full"]
    assert watch.round() == [] and len(watch.runs.published) == before + 1


ALSO = "patchwork=https://y"


def to_two(posted: List) -> Watch:
    """A watch of two series that is to publish to two places."""
    posted.mails.deliver(*posted.post("one", "KVM: A"), *posted.post("two", "mm: B", file=FILES[1]))
    return posted.watch(publisher=Publisher(("patchwork=https://x", ALSO)))


def test_a_place_that_fails_is_left_alone_for_the_round_and_keeps_nothing_from_the_other(posted: List) -> None:
    watch = to_two(posted)
    watch.runs.statuses = {"https://x": 3}
    watch.round()
    each = [f"000{number}/{which} --to {ALSO}" for number in (1, 2) for which in ("quick", "full")]
    assert watch.runs.published == ["0001/quick --to patchwork=https://x", *each]


def test_an_answer_that_always_fails_keeps_no_other_from_being_published(posted: List) -> None:
    watch = to_two(posted)
    watch.runs.statuses = {"https://x": 3}
    watch.round()
    watch.runs.statuses = {"0001/full": 3}
    watch.round()
    watch.round()
    assert watch.runs.published.count("0002/full --to patchwork=https://x") == 1
    assert watch.items[1].published.keys() == {"patchwork=https://x", ALSO}


def test_an_answer_that_is_refused_is_not_offered_again_and_the_others_are(posted: List) -> None:
    watch = to_two(posted)
    watch.runs.statuses = {"https://x": 2}
    watch.round()
    refused = [f"000{number}/quick --to patchwork=https://x" for number in (1, 2)]
    assert [one for one in watch.runs.published if one.endswith("x")] == [
        refused[0], "0001/full --to patchwork=https://x", refused[1], "0002/full --to patchwork=https://x",
    ]  # fmt: skip
    assert watch.watcher.failed and any(
        "it is not tried again until the answer is another" in one for one in watch.told
    )
    before = len(watch.runs.published)
    watch.begin()
    watch.round()
    assert len(watch.runs.published) == before


def test_a_quick_answer_is_not_published_after_a_whole_one(posted: List) -> None:
    first = posted.commits("KVM: A")
    on_top = posted.commits("KVM: B", file=FILES[1])
    depends = "Depends-on: <one-1@posted.example>\n"
    posted.mails.deliver(*posting(posted.linux, on_top, "two", trailers=depends, base="base"))
    watch = published(posted)
    whole = watch.runs.result()
    without = msgspec.structs.replace(whole.base, lacking=("<one-1@posted.example>",))
    watch.runs.result = lambda: msgspec.structs.replace(whole, base=without)
    watch.round()
    watch.runs.result = lambda: msgspec.structs.replace(whole, verdict=UNSAFE)
    posted.mails.deliver(*posting(posted.linux, first, "one"))
    assert watch.round() == [*both("KVM-A"), *both("KVM-B")]
    names = ["0001/quick", "0001/full", "0002/quick", "0002/full", "0001/full"]
    assert [one.split()[0] for one in watch.runs.published] == names


def test_what_the_publisher_says_is_told(posted: List) -> None:
    posted.mails.deliver(*posted.post("one", "KVM: A"))
    watch = published(posted)
    watch.round()
    assert "#1 KVM: A: it ended with 0; so it did" in watch.told
