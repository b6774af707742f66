# SPDX-License-Identifier: GPL-2.0-only
"""What a series says it is made on top of: found in its mbox, in what is given, or in the base's history; else told."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.inputs import prerequisite
from kseries.inputs.prerequisite import Prerequisite
from kseries.model import Plan, events
from kseries.model.errors import InputError
from kseries.sources import TreeStore, patchids
from tests.support import mails
from tests.support.bases import MAKEFILE
from tests.support.gitrepo import Repository, lines

ALL = ("A", "B", "C", "D")


class Series:
    """Patches A and B, and a series of C and D on top of them: each changes the line that the one before changed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.linux = Repository(place / "linux")
        self.linux.commit("base", {"Makefile": MAKEFILE, "file": lines(30)})
        self.linux.git("tag", "base")
        for name in ALL:
            self.linux.commit(f"KVM: {name}", {"file": lines(30, line9=name)})
            self.linux.git("tag", name)
        self.linux.git("checkout", "--quiet", "base")
        self.said: list[str] = []

    def mails(self, revisions: str, *options: str) -> bytes:
        return self.linux.run("format-patch", "--stdout", *options, revisions).stdout

    def write(self, name: str, data: bytes) -> str:
        (self.place / name).write_bytes(data)
        return str(self.place / name)

    def plan(self, target: str, *given: str, base: str | None = None) -> Plan:
        self.said.clear()
        options = Options(out=self.place, tree=str(self.linux.path), prerequisites=given, base=base)
        store = TreeStore(self.place / "trees.git")
        return planning.plan(inputs.load(target, options.tree), options, store, self._hear)

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self.said.append(event.what)


@pytest.fixture
def series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Series:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Series(tmp_path)


def check(made: Plan, series: Series) -> None:
    assert made.base.tree == series.linux.tree("B")
    assert made.base.name == f"{series.linux.path} {series.linux.git('rev-parse', 'base')} + 2 prerequisites"
    assert made.base.prerequisites == ("KVM: A", "KVM: B")
    assert made.base.lacking == ()
    assert [patch.number for patch in made.patches] == [1, 2]
    assert made.patches[-1].tree_after == series.linux.tree("D")
    assert "2 prerequisites applied first: KVM: A, KVM: B" in series.said


def as_mbox(series: Series) -> str:
    return series.write("first.mbox", series.mails("base..B"))


def as_directory(series: Series) -> str:
    series.linux.git("format-patch", "-o", str(series.place / "first"), "base..B")
    return str(series.place / "first")


def as_queue(series: Series) -> str:
    place = Path(as_directory(series))
    (place / "series").write_text("".join(f"{patch.name}\n" for patch in sorted(place.iterdir())))
    return str(place)


@pytest.mark.parametrize("form", [as_mbox, as_directory, as_queue])
def test_what_is_given_is_applied_first(series: Series, form: Callable[[Series], str]) -> None:
    target = series.write("t.mbox", series.mails("B..D", "--base=base"))
    check(series.plan(target, form(series)), series)


def test_each_may_be_given_by_itself(series: Series) -> None:
    target = series.write("t.mbox", series.mails("B..D", "--base=base", "--cover-letter"))
    files = [series.write(f"{name}.patch", series.mails(f"{name}^!")) for name in ("A", "B")]
    check(series.plan(target, *files), series)


def test_what_lies_in_the_mbox_by_its_patch_id_is_no_part_of_the_series(series: Series) -> None:
    first, second = series.mails("base..B"), series.mails("B..D", "--base=base", "--cover-letter")
    check(series.plan(series.write("t.mbox", first + second)), series)


@pytest.mark.parametrize("trailer", ["Based-on: <first@z>", "Depends-on: https://lore.kernel.org/r/first@z/"])
def test_what_lies_in_the_mbox_by_its_cover_letter_is_no_part_of_it(series: Series, trailer: str) -> None:
    def mail(subject: str, name: str, top: str) -> bytes:
        body = series.mails(f"{name}^!").partition(b"\n\n")[2]
        return mails.mail(subject, body, f"Message-ID: <{name}@z>\n", top)

    sent = [
        mails.mail("[PATCH 0/2] first", b"words\n", "Message-ID: <first@z>\n"),
        *(mail(f"[PATCH {number}/2] KVM: {name}", name, "first@z") for number, name in ((1, "A"), (2, "B"))),
        mails.mail("[PATCH v3 0/2] second", f"words\n\n{trailer}\n".encode(), "Message-ID: <second@z>\n"),
        *(mail(f"[PATCH v3 {number}/2] KVM: {name}", name, "second@z") for number, name in ((1, "C"), (2, "D"))),
    ]
    made = series.plan(series.write("t.mbox", mails.mbox(sent)))
    assert (made.version, made.base.prerequisites, len(made.patches)) == (3, ("KVM: A", "KVM: B"), 2)
    assert made.patches[-1].tree_after == series.linux.tree("D")


def test_what_is_not_at_hand_is_told_and_what_to_do(series: Series) -> None:
    target = series.write("t.mbox", series.mails("B..D", "--base=base"))
    ids = [
        patchids.stable([series.linux.run("show", name).stdout.partition(b"\n\n")[2]])[0][:12] for name in ("A", "B")
    ]
    with pytest.raises(
        InputError, match=r"(?s)C does not apply.*\n  its prerequisites are not here, give them"
    ) as told:
        series.plan(target)
    assert str(told.value).count("\n") == 1 and ids[1] in str(told.value)
    assert series.said[-2] == f"the series names prerequisites that are not here: {', '.join(ids)}"
    assert "--prerequisite FILE" in series.said[-1]


def test_where_the_series_applies_without_them_it_is_no_error(series: Series) -> None:
    body = series.mails("A^!").partition(b"\n\n")[2]
    target = series.write("t.mbox", mails.mbox([mails.mail("[PATCH] KVM: A", b"Depends-on: <x@y>\n\n" + body)]))
    made = series.plan(target)
    assert (made.base.lacking, made.base.prerequisites) == (("<x@y>",), ())
    assert series.said[0] == "the series names prerequisites that are not here: <x@y>"


def test_what_is_in_the_history_of_the_base_is_there(series: Series) -> None:
    target = series.write("t.mbox", series.mails("B..D", "--base=base").replace(b"\nbase-commit", b"\nx"))
    series.linux.git("checkout", "--quiet", "base")
    series.linux.commit("other", {"other": "x\n"})
    series.linux.git("cherry-pick", "A", "B")
    made = series.plan(target)
    assert (made.base.tree, made.base.lacking) == (series.linux.tree("HEAD"), ())
    assert [" is in the base: " in said for said in series.said] == [True, True]
    assert series.said[1].endswith(series.linux.git("rev-parse", "HEAD")[:12])


def test_no_program_of_the_repository_is_run_for_its_history(series: Series) -> None:
    """Nor is a patch-id another one for what its configuration says of diffs."""
    mark, linux = series.place / "ran", series.linux
    linux.git("checkout", "--quiet", "B")
    function = {"f.c": "int f(void)\n{\n\tf();\n}\n"}
    linux.commit("E", {"wide": lines(40).replace("line 12\n", "\n"), **function})
    twice = {"f.c": function["f.c"] * 2, "\xfc": "x\n"}
    linux.commit("F", {"wide": lines(40, line10="x", line20="y").replace("line 12\n", "\n"), **twice})
    commits = linux.git("rev-list", "base..HEAD").split()
    diffs = [linux.run("diff-tree", "-p", "--no-ext-diff", "--no-textconv", "-U3", "--src-prefix=a/",
                       "--dst-prefix=b/", f"{one}^", one).stdout for one in commits]  # fmt: skip
    assert diffs[0].count(b"@@ -") == 4 and b"\n \n" in diffs[0]
    for name in ("diff.external", "diff.x.textconv", "diff.x.command"):
        series.linux.git("config", name, f"touch {mark}; cat")
    for name, value in (
        ("diff.noprefix", "true"),
        ("diff.context", "1"),
        ("color.ui", "always"),
        ("log.showSignature", "1"),
        ("log.abbrevCommit", "true"),
        ("diff.interHunkContext", "9"),
        ("diff.suppressBlankEmpty", "true"),
        ("diff.indentHeuristic", "false"),
        ("diff.relative", "true"),
        ("diff.orderFile", "nowhere"),
        ("core.quotePath", "false"),
    ):
        series.linux.git("config", name, value)
    (series.linux.path / ".git" / "info" / "attributes").write_text("* diff=x\n")
    made = patchids.in_history(linux.path, "HEAD")[0]
    assert list(made.items()) == list(zip(patchids.stable(diffs), commits, strict=True))
    assert not mark.exists()


def test_a_mail_that_a_commit_links_to_is_there(series: Series) -> None:
    body = series.mails("C^!").partition(b"\n\n")[2]
    series.linux.git("checkout", "--quiet", "B")
    series.linux.git("commit", "--amend", "-m", "KVM: B\n\nLink: https://lore.kernel.org/r/b@z")
    target = series.write("t.mbox", mails.mbox([mails.mail("[PATCH] KVM: C", b"Depends-on: <b@z>\n\n" + body)]))
    assert series.plan(target).base.lacking == ()
    assert series.said == [f"prerequisite <b@z> is in the base: {series.linux.git('rev-parse', 'HEAD')[:12]}"]


def test_what_the_base_has_of_those_given_is_passed_over(series: Series) -> None:
    target = series.write("t.mbox", series.mails("B..D"))
    made = series.plan(target, as_mbox(series), base="A")
    assert made.base.prerequisites == ("KVM: B",)
    assert made.base.name.endswith(" A + 1 prerequisite")


def test_one_that_does_not_apply_is_an_error_of_two_lines(series: Series) -> None:
    target = series.write("t.mbox", series.mails("B..D", "--base=base"))
    with pytest.raises(InputError, match=r"^the prerequisite d\.patch does not apply to .*: .*\n  are all .*$"):
        series.plan(target, series.write("d.patch", series.mails("D^!")))


def test_a_range_brings_its_own_base_and_is_no_prerequisite(series: Series) -> None:
    with pytest.raises(InputError, match=r"--prerequisite: a range of commits brings its own base\n  rebase"):
        series.plan("B..D", as_mbox(series))
    target = series.write("t.mbox", series.mails("B..D"))
    with pytest.raises(InputError, match=r"--prerequisite base..B: a range .*\n  make patches of it: git format-patch"):
        series.plan(target, "base..B")
    with pytest.raises(InputError, match="no such TARGET: nothing"):
        series.plan(target, "nothing")


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (f"prerequisite-patch-id: {'1a' * 20}", Prerequisite(patch_id="1a" * 20)),
        ("prerequisite-change-id: 20240101-x-1234:v2", Prerequisite(change_id="20240101-x-1234")),
        ("prerequisite-message-id: <a@b>", Prerequisite(message_id="a@b")),
        ("prerequisite-message-id: a@b\r", Prerequisite(message_id="a@b")),
        ("Based-on: <a@b>", Prerequisite(message_id="a@b")),
        ("Depends-on: https://patch.msgid.link/a@b", Prerequisite(message_id="a@b")),
        ("depends-on: https://lore.kernel.org/all/a@b/", Prerequisite(message_id="a@b")),
        ('Depends-on: 1234abcd5678 ("KVM: x")', None),
        ("Depends-on: a patch of mine <me@z>", None),
        (" Depends-on: <a@b>", None),
        ("+Depends-on: <a@b>", None),
        ("prerequisite-patch-id: 1a", None),
    ],
)
def test_trailers(line: str, read: Prerequisite | None) -> None:
    assert prerequisite.read(f"words\n\n{line}\nmore\n".encode()) == (() if read is None else (read,))


def test_the_change_id_of_what_is_given_is_what_was_asked_for(series: Series) -> None:
    cover = mails.mail("[PATCH v2 0/2] first", b"words\n\nchange-id: 2024-x\n", "Message-ID: <first@z>\n")
    sent = (
        series.mails(f"{name}^!").replace(b"[PATCH]", b"[PATCH v2 %d/2]" % number)
        for number, name in ((1, "A"), (2, "B"))
    )
    first = series.write("first.mbox", mails.mbox([cover]) + b"".join(sent))
    body = b"prerequisite-change-id: 2024-x:v2\n\n" + series.mails("C^!").partition(b"\n\n")[2]
    target = series.write("t.mbox", mails.mbox([mails.mail("[PATCH] KVM: C", body)]))
    assert series.plan(target, first).base.lacking == ()


def _thread(series: Series, revisions: str, stamp: str, *options: str) -> list[bytes]:
    """The mails of a series, with ids of its own: cover letters of one second have the same."""
    return _apart(series.mails(revisions, "--cover-letter", *options).replace(b".git.", b".%b." % stamp.encode()))


def _apart(text: bytes) -> list[bytes]:
    return re.split(rb"^(?=From [0-9a-f]{40} Mon Sep 17)", text, flags=re.MULTILINE)[1:]


def _id(mail: bytes) -> bytes:
    found = re.search(rb"^Message-Id: (<.*>)$", mail, re.MULTILINE | re.IGNORECASE)
    assert found is not None
    return found[1]


def _based_on(mail: bytes, *others: bytes) -> bytes:
    trailers = b"".join(b"Based-on: %b\n" % one for one in others)
    return re.sub(rb"\n\n", lambda blank: b"\n\n" + trailers + b"\n", mail, count=1)


@pytest.mark.parametrize("style", ["--thread=shallow", "--thread=deep"])
def test_a_prerequisite_in_the_thread_is_whole_and_in_its_order(series: Series, style: str) -> None:
    """The patches of a deep thread answer one another, and an archive has mails as they came."""
    cover, first, second = _thread(series, "base..B", "one", style)
    mine, *own = _thread(series, "B..D", "two", style)
    path = series.write("x.mbox", b"".join([second, _based_on(mine, _id(cover)), *own, first, cover]))
    check(series.plan(path, base=series.linux.git("rev-parse", "base")), series)


def test_a_series_that_answers_its_prerequisite_is_no_part_of_that(series: Series) -> None:
    cover, *patches = _thread(series, "base..B", "one", "--thread=shallow")
    answer = f"--in-reply-to={_id(cover).decode()}"
    first, second = _apart(series.mails("B..D", "--thread=deep", answer))
    path = series.write("x.mbox", b"".join([cover, *patches, _based_on(first, _id(cover)), second]))
    check(series.plan(path, base=series.linux.git("rev-parse", "base")), series)


def test_prerequisites_of_prerequisites_come_first(series: Series) -> None:
    a, b, c = (_apart(series.mails(f"{one}~..{one}", "--thread"))[0] for one in "ABC")
    path = series.write("x.mbox", b"".join([_based_on(c, _id(b)), _based_on(b, _id(a)), a]))
    made = series.plan(path, base="base")
    assert made.base.prerequisites == ("KVM: A", "KVM: B")
    assert made.patches[-1].tree_after == series.linux.tree("C")


def test_prerequisites_that_name_one_another_are_taken_as_they_are_named(series: Series) -> None:
    a, b, c = (_apart(series.mails(f"{one}~..{one}", "--thread"))[0] for one in "ABC")
    path = series.write("x.mbox", b"".join([_based_on(c, _id(a), _id(b)), _based_on(a, _id(b)), _based_on(b, _id(a))]))
    assert series.plan(path, base="base").base.prerequisites == ("KVM: A", "KVM: B")


@pytest.mark.parametrize("how", ["--depth=1", "--depth=2", "--filter=blob:none", "--filter=tree:0"])
def test_a_clone_without_all_history_tells_of_what_it_has(series: Series, how: str) -> None:
    """As jobs on servers have it: a patch that nobody has is told, and the series is tried."""
    cover, first = _thread(series, "C..D", "one")
    series.linux.git("checkout", "--quiet", "-B", "main", "C")
    series.linux.git("config", "uploadpack.allowFilter", "true")
    clone = series.place / "clone"
    series.linux.git("clone", "--quiet", how, f"file://{series.linux.path}", str(clone))
    path = series.write("x.mbox", b"".join([_based_on(cover, b"<nobody@example.com>"), first]))
    series.linux.path = clone
    made = series.plan(path)
    assert made.base.lacking == ("<nobody@example.com>",)
    assert "the series names prerequisites that are not here: <nobody@example.com>" in series.said


def test_a_prerequisite_that_is_given_and_in_the_thread_is_applied_once(series: Series) -> None:
    """Of lines that are all alike it would apply as often as it is there."""
    series.linux.git("checkout", "--quiet", "-B", "main", "base")
    for number, subject in enumerate(("like", "A", "B")):
        series.linux.commit(f"KVM: {subject}", {"file": "line\n" * (60 - 10 * number)})
        series.linux.git("tag", "-f", f"like-{subject}")
    first, last = (_apart(series.mails(f"{one}~..{one}", "--thread"))[0] for one in ("like-A", "like-B"))
    path = series.write("x.mbox", _based_on(last, _id(first)) + first)
    series.linux.git("checkout", "--quiet", "like-like")
    made = series.plan(path, series.write("first.mbox", first), base="like-like")
    assert made.base.tree == series.linux.tree("like-A")
    assert made.patches[-1].tree_after == series.linux.tree("like-B")


def test_one_patch_of_a_series_may_be_a_prerequisite_and_a_cover_letter_is_none(series: Series) -> None:
    cover, a, b, _ = _thread(series, "base..C", "one")
    given = [series.write(f"{name}.patch", data) for name, data in (("a", a), ("b", b))]
    check(
        series.plan(series.write("x.mbox", series.mails("B..D")), *given, base=series.linux.git("rev-parse", "base")),
        series,
    )
    with pytest.raises(InputError, match=r"^--prerequisite .*/0000-x\.patch holds no patch\n"):
        series.plan(series.write("x.mbox", series.mails("B..D")), series.write("0000-x.patch", cover))
