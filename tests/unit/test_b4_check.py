# SPDX-License-Identifier: GPL-2.0-only
"""kseries b4-check: what finished runs know of a patch is found by the patch, and told for what it is."""

import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kseries import cli
from kseries.app import known as known_app
from kseries.cache import patchindex
from kseries.cache.gc.collect import collect
from kseries.host import database
from kseries.inputs import checkedmail, files
from kseries.model import Outcome, Patch, RunResult, Series, events
from kseries.plan import identities
from kseries.sources import TreeStore, patchids
from tests.support import runs
from tests.support.gitrepo import Repository, lines
from tests.support.recorded import Recorded

COVER = "Subject: [PATCH 0/3] lib: Change three lines\nMessage-ID: <cover@example.com>\n\nAll of them.\n"
MAILS = [f"<{number}@example.com>" for number in (1, 2, 3)]
PREPARED = 'kseries run "$(b4 prep --show-info series-range)"; b4 prep -C --check'
Check = Callable[..., str]


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A repository with three patches, in which we are, and a cache without runs."""
    known = Recorded(tmp_path)
    commit_series(known.linux)
    monkeypatch.chdir(known.linux.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(checkedmail.TRACKING, raising=False)
    return known


def commit_series(linux: Repository, second: str = "two") -> None:
    linux.commit("base", {"a.c": lines(40)})
    linux.git("tag", "--force", "base")
    linux.commit("lib: Change a line", {"a.c": lines(40, line3="one")})
    linux.commit("lib: Change another", {"a.c": lines(40, line3="one", line20=second)})
    linux.commit("lib: Change a third", {"a.c": lines(40, line3="one", line20=second, line37="three")})
    linux.git("tag", "--force", "topic")


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """What the command says of what it is given, and that nothing stands on standard error, which b4 takes for a fault
    of the patch.
    """

    def ask(given: str | bytes, *words: str, status: int = 0) -> str:
        data = given.encode() if isinstance(given, str) else given
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        capsys.readouterr()
        assert cli.main(["b4-check", *words]) == status
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return ask


def mail(linux: Repository, number: int, *options: str, message_id: str = "") -> str:
    """A patch as b4 prep gives it (git_range_to_patches())."""
    show = ("show", "--format=email", "--binary", "--patch-with-stat", "--find-renames")
    text = linux.git(*show, *options, f"topic~{3 - number}")
    text = text.replace("Subject: [PATCH]", f"Subject: [PATCH {number}/3]")
    return f"Message-Id: {message_id}\n{text.partition(chr(10))[2]}" if message_id else text


def row(said: str) -> dict[str, Any]:
    (found,) = json.loads(said)
    assert isinstance(found, dict)
    return found


def entries(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.get("context", ""), one["status"]) for one in json.loads(found["details"])]


# --- by what a patch is found -------------------------------------------------------------------


def test_a_patch_that_no_run_has_seen_is_told_with_how_to_run_it(known: Recorded, check: Check) -> None:
    assert check(mail(known.linux, 2)) == f"no run has this patch as it is here; to know: {PREPARED}\n"
    assert not (known.cache / patchindex.NAME).exists(), "who asks writes nothing"


def test_of_a_good_patch_nothing_is_said(known: Recorded, check: Check) -> None:
    known.run("base..topic")
    assert [check(mail(known.linux, number)) for number in (1, 2, 3)] == ["", "", ""]


@pytest.mark.parametrize("option", ["--diff-algorithm=histogram", "--diff-algorithm=minimal", "--no-renames"])
def test_a_patch_is_found_however_git_shows_it(known: Recorded, check: Check, option: str) -> None:
    known.run("base..topic")
    assert check(mail(known.linux, 2, option)) == ""


def test_each_way_to_show_a_patch_is_a_name_of_it(tmp_path: Path) -> None:
    """Braces that can be matched in two ways: git's algorithms differ on them."""
    linux, block = Repository(tmp_path / "linux"), "{\n\tcall();\n}\n\n"
    linux.commit("base", {"a.c": "int a(void)\n" + block * 2 + "int b(void)\n" + block})
    linux.commit("topic", {"a.c": "int b(void)\n" + block + "int c(void)\n" + block * 3 + "int a(void)\n" + block})
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(linux.path)
    (ids,) = patchids.shown(store, [(linux.tree("HEAD~1"), linux.tree())])
    ways = ("myers", "histogram")
    diffs = [linux.git("diff", f"--diff-algorithm={way}", "HEAD~1", "HEAD").encode() + b"\n" for way in ways]
    assert diffs[0] != diffs[1], "or the test shows nothing"
    assert [*ids] == patchids.stable(diffs)


def test_the_first_name_of_a_mail_is_that_of_its_own_diff(known: Recorded) -> None:
    plan, _ = known.plan("base..topic~2")
    (patch,) = plan.patches
    diff = known.linux.git("diff", "-U1", "base", "topic~2").encode() + b"\n"
    series = Series(name="x", version=1, patches=(Patch(number=1, subject="x", origin="x", diff=diff),))
    (again,) = identities.with_ids(plan, series, TreeStore(known.cache / "trees.git")).patches
    assert again.patch_ids == (*patchids.stable([diff]), *(patch.patch_ids or ()))
    assert len(set(again.patch_ids)) == 2


def test_a_renamed_file_and_one_that_is_no_text_are_found(known: Recorded, check: Check) -> None:
    known.linux.git("mv", "a.c", "b.c")
    known.linux.commit("lib: Move it", {"b.c": lines(40, line3="one", line9="nine"), "blob": b"\0\1\2" * 99})
    known.linux.git("tag", "--force", "topic")
    known.run("topic~1..topic")
    assert check(mail(known.linux, 3)) == ""


def test_patches_that_change_nothing_have_no_name(known: Recorded, check: Check) -> None:
    known.linux.commit("lib: Nothing")
    known.linux.git("tag", "--force", "topic")
    plan, _ = known.plan("base..topic")
    assert [len(patch.patch_ids or ()) for patch in plan.patches] == [1, 1, 1, 0]
    assert check(mail(known.linux, 3)) == "this mail changes nothing that kseries could know of\n"


def test_the_text_that_b4_has_decoded_is_read_under_headers_that_say_how_it_was_encoded(
    known: Recorded, check: Check
) -> None:
    known.linux.commit("lib: Assign", {"a.c": lines(40, line3="x=3Dy=20=\n")})
    known.linux.git("tag", "--force", "topic")
    known.run("topic~1..topic")
    text = mail(known.linux, 3)
    for header in ("Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: base64"):
        assert check(text.replace("Date:", f"{header}\nDate:")) == ""


# --- what is told ---------------------------------------------------------------------------------


def test_a_patch_that_fails_is_an_error_and_the_run_is_named(known: Recorded, check: Check) -> None:
    known.run("base..topic", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    fork = known.linux.git("rev-parse", "base")[:12]
    where = f"patch 2/3 of base..topic on linux {fork}, x86_64"
    (line,) = check(mail(known.linux, 2)).splitlines()
    assert line.startswith("ERROR: build: does not build") and line.endswith(f"({where})")
    assert check(mail(known.linux, 1)) == check(mail(known.linux, 3)) == ""


def test_what_a_run_was_cut_short_before_is_a_warning_with_what_goes_on(known: Recorded, check: Check) -> None:
    known.run("base..topic", untried=("prefix-3", "without-2"), partial=True)
    (line,) = check(mail(known.linux, 2)).splitlines()
    assert line.startswith("not known yet: revert (not tried yet)") and line.endswith(": kseries run base..topic")
    assert check(mail(known.linux, 3)).startswith("not known yet: build, boot, contract (not tried yet)")


def test_no_warning_is_taken_for_an_error(known: Recorded, check: Check) -> None:
    """b4 asks a line for nothing else, and a series' name is somebody's."""
    known.linux.git("branch", "x-ERROR-y", "topic")
    result = known.run("base..topic", untried=("without-2",), partial=True)
    assert result.words
    known.write(of_words(result, "ERROR: all"), "out")
    said = check(mail(known.linux, 2))
    assert "go on" in said and "ERROR:" not in said


def of_words(result: RunResult, *words: str) -> RunResult:
    return msgspec.structs.replace(result, words=words)


def test_what_was_not_judged_is_said_once_and_not_of_what_fails(known: Recorded, check: Check) -> None:
    known.run("base..topic", outcomes={"prefix-1": Outcome.NOT_BOOTED, "prefix-2": Outcome.BUILD_FAILED}, patches=())
    assert check(mail(known.linux, 1)).startswith(
        "not known: boot, contract (built, and not booted); revert (not judged)"
    )
    assert check(mail(known.linux, 2)).count("\n") == 1, "the error alone"


def test_each_variant_has_its_answer(known: Recorded, check: Check) -> None:
    known.run("base..topic", "out/x86_64")
    known.run("base..topic", "out/arm64", label="arm64", outcomes={"prefix-2": Outcome.CRASHED})
    (line,) = check(mail(known.linux, 2)).splitlines()
    assert line.startswith("ERROR: boot: crashes") and line.endswith(", arm64)")


def test_a_newer_run_with_another_configuration_takes_nothing_back(known: Recorded, check: Check) -> None:
    known.run("base..topic", "first", outcomes={"prefix-2": Outcome.CRASHED})
    debug = msgspec.structs.replace(runs.VARIANT, config_hash="0123456789abcdef", toolchain="clang 19")
    known.run("base..topic", "second", variant=debug)
    (line,) = check(mail(known.linux, 2)).splitlines()
    assert line.startswith("ERROR: boot: crashes") and line.endswith(", x86_64: config c66684f9, gcc 12 / ld 2.40)")
    found = row(check(mail(known.linux, 2), "--json"))
    contexts = [context for context, _ in entries(found) if context.startswith("boot")]
    assert contexts == ["boot (x86_64: config 01234567, clang 19)", "boot (x86_64: config c66684f9, gcc 12 / ld 2.40)"]


def test_a_newer_run_with_another_configuration_that_can_tell_is_enough(known: Recorded, check: Check) -> None:
    """As one that compiles what was left out."""
    prefixes = {f"prefix-{number}": Outcome.NOT_BOOTED for number in (1, 2, 3)}
    known.run("base..topic", "first", outcomes=prefixes, patches=())
    known.run("base..topic", "second", variant=msgspec.structs.replace(runs.VARIANT, config_hash="01234567"))
    assert check(mail(known.linux, 2)) == ""


def test_the_answers_of_many_variants_are_not_left_out_unsaid(
    known: Recorded, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.run("base..topic", "out/arm64", label="arm64", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    for number in range(9):
        known.run("base..topic", f"out/{number}", label=f"x86_64-{number}")
    assert check(mail(known.linux, 2)).startswith("ERROR: build")
    monkeypatch.setattr(known_app, "_RESULTS", 8)
    assert check(mail(known.linux, 2)).startswith("not looked at: the older results of this patch, beyond 8")
    assert row(check(mail(known.linux, 2), "--json"))["status"] == "warn"


def test_many_runs_of_one_variant_hide_no_other(known: Recorded, check: Check, tmp_path: Path) -> None:
    known.run("base..topic", "arm64", label="arm64", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    result = known.run("base..topic", "first")
    for number in range(40):
        known.index.add(result, Path(shutil.copytree(tmp_path / "first", tmp_path / f"again-{number}")))
    assert check(mail(known.linux, 2)).startswith("ERROR: build")


def test_the_report_and_the_name_are_those_of_the_run_that_tells(known: Recorded, check: Check, tmp_path: Path) -> None:
    known.run("base..topic", "arm64", label="arm64", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    known.run("base..topic", "x86_64")
    for out in ("arm64", "x86_64"):
        (tmp_path / out / "report.html").touch()
    found = row(check(mail(known.linux, 2), "--json"))
    assert found["url"] == (tmp_path / "arm64" / "report.html").as_uri()
    assert ", arm64: build fails" in found["summary"]


def test_it_is_told_where_a_run_goes_on(known: Recorded, check: Check, tmp_path: Path) -> None:
    """Its words are those of the folder that somebody was in, and b4 asks from the top of the kernel."""
    known.run("base..topic", untried=("prefix-3",), partial=True, words=("base..topic", "--tree", "linux"))
    assert check(mail(known.linux, 3)).endswith(
        f"; go on, where {tmp_path / 'out'} was begun: kseries run base..topic --tree linux\n"
    )


# --- which run is believed ------------------------------------------------------------------------


def test_the_newest_run_that_can_tell_is_believed(known: Recorded, check: Check) -> None:
    known.run("base..topic", "first", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    known.run("base..topic", "second", untried=("prefix-2",), partial=True)
    assert check(mail(known.linux, 2)).startswith("ERROR: build"), "one that was cut short takes nothing back"
    known.run("base..topic", "third")
    assert check(mail(known.linux, 2)) == ""


def test_a_newer_run_that_only_built_leaves_the_rest_to_the_one_before(known: Recorded, check: Check) -> None:
    known.run("base..topic", "booted")
    prefixes = {f"prefix-{number}": Outcome.NOT_BOOTED for number in (1, 2, 3)}
    known.run("base..topic", "built", outcomes=prefixes, patches=())
    assert check(mail(known.linux, 2)) == ""


def test_a_result_that_was_replaced_or_is_gone_is_not_answered_from(
    known: Recorded, check: Check, tmp_path: Path
) -> None:
    known.run("base..topic", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    result = tmp_path / "out" / "result.json"
    result.write_text(result.read_text() + " ")
    assert check(mail(known.linux, 2)).startswith("no run has this patch")
    result.unlink()
    assert check(mail(known.linux, 2)).startswith("no run has this patch")


def test_a_run_into_the_same_directory_takes_the_place_of_the_other(known: Recorded, check: Check) -> None:
    known.run("base..topic", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    known.run("base..topic~1")
    assert check(mail(known.linux, 3)).startswith("no run has this patch")
    assert check(mail(known.linux, 1)).startswith("not known as it is here: contract, revert;"), "the tip is another"


def test_gc_forgets_the_runs_whose_results_are_gone_and_no_others(
    known: Recorded, check: Check, tmp_path: Path
) -> None:
    known.run("base..topic", "kept")
    before = (tmp_path / "kept" / "result.json").read_bytes()
    known.run("base..topic", "gone")
    shutil.rmtree(tmp_path / "gone")
    collect(known.cache, 1 << 40, True, events.unheard)
    assert numbers_in(known, tmp_path / "gone") != []
    collect(known.cache, 1 << 40, False, events.unheard)
    assert numbers_in(known, tmp_path / "gone") == []
    assert check(mail(known.linux, 2)) == "" and (tmp_path / "kept" / "result.json").read_bytes() == before


def test_gc_passes_over_what_may_not_be_read_and_keeps_what_lies_on_a_disk_that_is_not_there(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for out in ("closed/out", "disk/out", "gone"):
        known.run("base..topic", out)
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    exists = Path.exists

    def refused(path: Path) -> bool:
        if tmp_path / "closed" in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", refused)
    known.index.forget_gone()
    assert numbers_in(known, tmp_path / "gone") == []
    assert numbers_in(known, tmp_path / "closed/out") != [] and numbers_in(known, tmp_path / "disk/out") != []


def numbers_in(known: Recorded, out: Path) -> list[int]:
    """The patches that are said to be in the result of a directory."""
    with closing(sqlite3.connect(known.cache / patchindex.NAME)) as opened:
        return [number for (number,) in opened.execute("SELECT number FROM patches WHERE out = ?", (str(out),))]


# --- the same patch on other code ---------------------------------------------------------------------


def test_with_other_patches_before_it_a_good_answer_is_none(known: Recorded, check: Check) -> None:
    known.run("base..topic", outcomes={"prefix-3": Outcome.BUILD_FAILED})
    known.linux.git("reset", "--hard", "base")
    commit_series(known.linux, second="two, but better")
    assert check(mail(known.linux, 2)).startswith("no run has this patch"), "it is another one"
    (line,) = check(mail(known.linux, 3)).splitlines()
    assert line.startswith(
        "not known as it is here: apply, build, boot, contract, revert; a run had it with another base,"
    )
    assert "and there: build: does not build" in line and "ERROR:" not in line and line.endswith(PREPARED)
    (line,) = check(mail(known.linux, 1)).splitlines()
    assert line.startswith(
        "not known as it is here: contract, revert; a run had it with other patches after it (patch 1/3 of"
    )


def test_one_that_holds_is_told_before_a_newer_one_of_other_code(known: Recorded, check: Check) -> None:
    known.run("base..topic", "here")
    known.linux.git("branch", "ours")
    known.linux.git("reset", "--hard", "base")
    commit_series(known.linux, second="another")
    known.run("base..topic", "there", outcomes={"prefix-1": Outcome.BUILD_FAILED, "prefix-3": Outcome.BUILD_FAILED})
    known.linux.git("reset", "--hard", "ours")
    known.linux.git("tag", "--force", "topic")
    assert check(mail(known.linux, 3)) == ""


def test_a_mail_kept_after_another_that_was_rerolled_is_not_known_where_the_trees_tell(
    known: Recorded, check: Check
) -> None:
    known.run("base..topic", mails=MAILS)
    known.linux.git("reset", "--hard", "base")
    commit_series(known.linux, second="two, but better")
    said = check(mail(known.linux, 3, message_id=MAILS[2]))
    assert said.startswith("not known as it is here: apply, build, boot,")


def test_a_mail_is_not_known_where_the_branch_of_review_has_it_on_another_base(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.run("base..topic", mails=MAILS, cover="<cover@example.com>")
    known.linux.commit("another base", {"b.c": "int b;\n"})
    commit_series(known.linux)
    track(known, tmp_path, monkeypatch)
    assert row(check(mail(known.linux, 2, message_id=MAILS[1]), "--json"))["status"] == "warn"
    whole = row(check(COVER, "--series"))
    assert whole["status"] == "warn" and "not known as it is here" in whole["details"]


def test_a_first_patch_that_was_edited_is_not_the_series_whatever_its_message_id(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.run("base..topic", mails=MAILS)
    monkeypatch.chdir(tmp_path)
    edited = mail(known.linux, 1, message_id=MAILS[0]).replace("+one", "+one, edited")
    assert "edited" in edited and row(check(edited, "--series"))["status"] == "warn"


def test_of_two_patches_with_one_diff_each_is_answered_for_itself(known: Recorded, check: Check) -> None:
    known.linux.git("reset", "--hard", "base")
    for number, third in enumerate(("one", "line 3", "one")):
        known.linux.commit(f"lib: Change a line, {number}", {"a.c": lines(40, line3=third)})
    known.linux.git("tag", "--force", "topic")
    known.run("base..topic", outcomes={"prefix-1": Outcome.BUILD_FAILED})
    assert check(mail(known.linux, 1)).startswith("ERROR: build")
    assert check(mail(known.linux, 3)) == ""
    unnumbered = mail(known.linux, 1).replace("[PATCH 1/3]", "[PATCH]")
    assert check(unnumbered).startswith("not known as it is here"), "it may be either"


def test_the_same_mail_is_the_same_series_wherever_it_is(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.run("base..topic", mails=MAILS)
    monkeypatch.chdir(tmp_path)
    assert check(mail(known.linux, 2, message_id=MAILS[1])) == ""
    (line,) = check(mail(known.linux, 2, message_id="<again@example.com>")).splitlines()
    assert line.startswith("not known as it is here") and line.endswith("to know: kseries run '<again@example.com>'")


# --- for b4 review ------------------------------------------------------------------------------------


def test_review_has_a_row_for_a_patch_with_an_entry_for_each_question(
    known: Recorded, check: Check, tmp_path: Path
) -> None:
    known.run("base..topic", mails=MAILS, outcomes={"prefix-2": Outcome.BUILD_FAILED})
    (tmp_path / "out" / "report.html").touch()
    good, bad = (row(check(mail(known.linux, one), "--json")) for one in (1, 2))
    assert (good["tool"], good["status"]) == ("kseries", "pass") and good["summary"].endswith(": nothing against it")
    assert bad["status"] == "fail" and bad["summary"].endswith(": build fails; boot, contract not known")
    assert entries(bad)[:3] == [("apply", "pass"), ("build", "fail"), ("boot", "warn")]
    assert bad["url"] == (tmp_path / "out" / "report.html").as_uri()


def test_review_is_told_how_to_run_what_is_not_known(known: Recorded, check: Check) -> None:
    found = row(check(mail(known.linux, 2, message_id="<2@example.com>"), "--json"))
    assert found["status"] == "warn" and "press R" in found["details"]
    assert "to know: kseries run '<2@example.com>'\n" in found["details"]


def test_review_has_a_row_for_a_series_by_its_cover_letter(known: Recorded, check: Check) -> None:
    known.run("base..topic", mails=MAILS, cover="<cover@example.com>", outcomes={"prefix-2": Outcome.BUILD_FAILED})
    found = row(check(COVER, "--series"))
    assert (found["tool"], found["status"]) == ("kseries", "fail")
    assert entries(found)[:3] == [("apply", "pass"), ("build", "fail"), ("boot", "warn")]
    assert "patch 2: does not build" in found["details"] and "all 3 patches" in found["details"]


def test_a_series_without_a_cover_letter_has_a_row_of_its_own(known: Recorded, check: Check) -> None:
    """b4 has the first patch stand for it, whose own row the series' would replace."""
    known.run("base..topic", mails=MAILS)
    found = row(check(mail(known.linux, 1, message_id=MAILS[0]), "--series"))
    assert (found["tool"], found["status"]) == ("kseries-series", "pass")


def test_a_run_of_a_part_of_a_series_is_none_of_it(known: Recorded, check: Check) -> None:
    known.run("base..topic~1", mails=MAILS[:2], cover="<cover@example.com>")
    assert row(check(COVER, "--series"))["summary"] == "no run has this series as it is here"


def track(known: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None = None) -> str:
    """b4 review has a branch of the series, with a commit of its own at the end, and tells of it; its first commit."""
    known.linux.git("checkout", "--quiet", "-b", "b4/review/change-1", "topic")
    known.linux.commit("b4 review tracking")
    known.linux.git("checkout", "--quiet", "main")
    known.linux.git("reset", "--hard", "base")
    first = known.linux.git("rev-parse", "topic~2")
    told = {"series": {"change-id": "change-1", "first-patch-commit": first, "more": []}, "patches": []}
    (tmp_path / "tracking.json").write_text(json.dumps(told) if text is None else text)
    monkeypatch.setenv(checkedmail.TRACKING, str(tmp_path / "tracking.json"))
    return first


def test_review_finds_the_run_of_its_branch(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = track(known, tmp_path, monkeypatch)
    how = f"kseries run {first[:12]}~1..b4/review/change-1~1"
    assert how in row(check(COVER, "--series"))["details"]
    assert how in row(check(mail(known.linux, 2), "--json"))["details"]
    known.run(how.rpartition(" ")[2])
    assert row(check(COVER, "--series"))["status"] == "pass"
    assert row(check(mail(known.linux, 2), "--json"))["status"] == "pass"


@pytest.mark.parametrize("text", [None, '{"series": {"change-id": "change-1"}}'])
def test_a_run_of_the_last_patches_of_a_branch_is_none_of_its_series(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    track(known, tmp_path, monkeypatch, text)
    known.run("topic~2..topic")
    assert row(check(COVER, "--series"))["summary"] == "no run has this series as it is here"
    known.run("base..topic")
    assert row(check(COVER, "--series"))["status"] == "pass"


def test_runs_that_come_to_one_tip_by_other_patches_are_not_mixed(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(known, tmp_path, monkeypatch)
    known.run("base..topic", "split")
    known.linux.git("checkout", "--quiet", "-b", "squash", "base")
    known.linux.commit("lib: All of it", {"a.c": known.linux.git("show", "topic:a.c") + "\n"})
    assert known.linux.tree("squash") == known.linux.tree("topic")
    known.run("base..squash", "squashed", outcomes={"prefix-1": Outcome.BUILD_FAILED})
    unnumbered = COVER.replace(" 0/3", "")
    assert row(check(COVER, "--series"))["status"] == "pass"
    found = row(check(unnumbered, "--series"))
    assert found["status"] == "fail" and "patch 2" not in found["details"]


def test_what_is_in_the_history_of_the_branch_that_we_are_on_is_no_answer_for_another_series(
    known: Recorded, check: Check
) -> None:
    known.run("base..topic", mails=MAILS, cover="<cover@example.com>")
    other = COVER.replace("cover@", "other@")
    assert row(check(other, "--series"))["status"] == "warn"


def test_a_history_with_many_newer_commits_hides_no_branch_of_review(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_app, "_COMMITS", 4)
    track(known, tmp_path, monkeypatch)
    known.run("topic~3..b4/review/change-1~1")
    for number in range(5):
        known.linux.commit(f"later {number}")
    assert row(check(mail(known.linux, 2), "--json"))["status"] == "pass"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"series": 1}', '{"series": {"change-id": "a..b", "first-patch-commit": "--all"}}']
)
def test_a_tracking_file_of_another_form_tells_nothing(
    known: Recorded, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    track(known, tmp_path, monkeypatch, text)
    assert "kseries run '<cover@example.com>'" in row(check(COVER, "--series"))["details"]


# --- bad input, and a host that fails -------------------------------------------------------------------


@pytest.mark.parametrize("given", [b"hello\n", b"\0\xff\xfe" * 9, COVER.encode()])
def test_what_is_no_patch_is_a_warning(known: Recorded, check: Check, given: bytes) -> None:
    known.run("base..topic")
    assert check(given) == "this mail changes nothing that kseries could know of\n"
    assert row(check(given, "--json"))["status"] == "warn"


def test_nothing_at_all_and_a_mail_over_the_limit_are_no_fault_of_a_patch(
    known: Recorded, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "standard input is empty; pipe a mail in, as in: git format-patch -1 --stdout | kseries b4-check"
    assert check("", status=2) == f"kseries cannot tell: {said}\n"
    monkeypatch.setattr(files, "LIMIT", 99)
    assert check(mail(known.linux, 2), status=2).startswith("kseries cannot tell: standard input has more than")


def test_an_error_that_nobody_foresaw_is_no_fault_of_a_patch(
    known: Recorded, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: bytes) -> None:
        raise IndexError("of ours\nin two lines")

    monkeypatch.setattr(checkedmail, "read", fail)
    assert check(mail(known.linux, 2), status=3).startswith(
        "kseries cannot tell: internal error in kseries: IndexError"
    )
    assert row(check(mail(known.linux, 2), "--series", status=3))["status"] == "warn"


def test_a_mail_that_cannot_be_read_is_no_fault_of_the_patch(known: Recorded, check: Check) -> None:
    cut = "Subject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nnothing\n"
    assert check(cut, status=2).startswith("kseries cannot tell: standard input is cut short")
    assert row(check(cut, "--json", status=2))["status"] == "warn"


def test_a_list_that_cannot_be_read_is_a_warning_and_exits_3(
    known: Recorded, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.01)
    known.run("base..topic")
    with sqlite3.connect(known.cache / patchindex.NAME) as held:
        held.execute("PRAGMA locking_mode = EXCLUSIVE")
        held.execute("BEGIN EXCLUSIVE")
        said = check(mail(known.linux, 2), status=3)
        assert said.startswith("kseries cannot tell: the list of patches that runs have seen cannot be read:")
        found = row(check(mail(known.linux, 2), "--json", status=3))
        assert found["status"] == "warn" and found["summary"].startswith("kseries cannot tell: ")


def test_a_list_that_is_spoilt_knows_nothing_and_is_made_again(known: Recorded, check: Check) -> None:
    known.run("base..topic")
    (known.cache / patchindex.NAME).write_bytes(b"no database at all" * 99)
    assert check(mail(known.linux, 2)).startswith("no run has this patch")
    known.run("base..topic")
    assert check(mail(known.linux, 2)) == ""
