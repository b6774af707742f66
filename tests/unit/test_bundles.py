# SPDX-License-Identifier: GPL-2.0-only
"""What a bundle's script says and looks for: its text, its words, and how it reads what probes say."""

import gzip
import re
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from kseries import arch as archs
from kseries.app import bundle as bundles
from kseries.app import bundlewriting, rundir
from kseries.app.bundle import File
from kseries.cli import bundle as typed
from kseries.judge.evidence import END, of_flaky
from kseries.kbuild.config import Config
from kseries.model import (
    Accel,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Machine,
    Outcome,
    RunResult,
    Status,
)
from kseries.model.errors import InputError
from kseries.model.sanitize import line, printable
from kseries.probes import ktap, kunit
from kseries.report import bundle, bundleneeds, bundlescript, expected
from kseries.report.expected import Way
from kseries.sources import TreeStore, export
from tests.support.bundles import OPTIONS, SAYS, Told, stand_ins
from tests.support.bundles import bundle as bundle_of
from tests.support.gitrepo import Repository
from tests.support.runs import contract, finding, hostile, run, split_run, state

DATA = Path(__file__).parent / "data"
READER = Path(__file__).parents[2] / "reports" / "bundle" / "checks.awk"
SPLIT = replace(bundle_of(split_run()), patches=(bundle.Step("0001.patch", "[PATCH 1/1] KVM: One"),))


def sh(*words: str, cwd: Path | None = None, **env: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["sh", *words], cwd=cwd, env=env or None, capture_output=True, check=False, timeout=60)


def of_checks(*more: Evidence, **fields: Any) -> RunResult:
    """A run in which patch 2's revert is a silent break."""
    return run(
        state("base"),
        state("prefix-2", 2),
        state("without-2", 2, contracts=(contract(False, True, "a.b"),)),
        findings=(
            changed(
                finding(FindingKind.SILENT_BREAK, "without-2", "a.b: fail", patch=2, contract="feature"), evidence=more
            ),
        ),
        **fields,
    )


FAILED = Evidence(kind=EvidenceKind.CHECK, name="a.b", status=Status.FAIL)

# --- the text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "text"), [("reproduce.sh", bundlescript.script), ("README", bundle.readme)])
def test_a_bundle_of_the_demo_reads_as_it_did(name: str, text: Any) -> None:
    place = DATA / "bundle" / name
    told = text(SPLIT)
    assert told == place.read_text(), f"where this is better, renew {place} with it:\n{told}"


@pytest.mark.parametrize("accel", ["tcg", "kvm"])
@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
@pytest.mark.parametrize("make", [(), ("LLVM=1",), ("CC=ccache gcc-13", "W=1")])
def test_each_script_is_one_for_sh(accel: str, arch: str, make: tuple[str, ...], tmp_path: Path) -> None:
    made = replace(
        SPLIT,
        accel=Accel(name=accel, why=""),
        arch=archs.get(arch),
        config=Config(OPTIONS, make),
        machine=Machine(disks=(64,), devices=("e1000e",), append=('a="b  c"',)),
    )
    script = bundlescript.script(made)
    (tmp_path / "x").write_text(script)
    assert sh("-n", str(tmp_path / "x")).stderr == b""
    assert "truncate -s 64M disk0" in script and 'a="b  c"' in script
    assert ("/dev/kvm" in script) == (accel == "kvm")
    assert ('CROSS_COMPILE="$cross"' in script) and (make != ("LLVM=1",)) == ("cross=${CROSS_COMPILE-" in script)


def test_a_machine_of_another_architecture_gets_its_compiler_unless_the_host_is_one() -> None:
    script = bundlescript.script(replace(SPLIT, arch=archs.get("arm64")))
    assert "cross=${CROSS_COMPILE-aarch64-linux-gnu-}" in script and '[ "$(uname -m)" = aarch64 ]' in script
    assert "qemu-system-aarch64" in script and '-kernel "$build"/arch/arm64/boot/Image' in script
    assert 'CC="$cross"gcc' in script


def test_only_what_the_configuration_takes_is_asked_for() -> None:
    config = Config(OPTIONS)
    x86 = archs.get("x86_64")
    assert bundleneeds.headers(OPTIONS)["gelf.h"] == "libelf-dev"
    assert bundleneeds.programs(Way.BOOT, x86, config, OPTIONS)["pahole"] == "dwarves"
    assert bundleneeds.headers("CONFIG_KVM=y\n") == {"stdio.h": "libc6-dev"}
    without = bundleneeds.packages(Way.BUILD, x86, config, "CONFIG_KVM=y\n")
    assert "dwarves" not in without and "qemu-system-x86" not in without and "git" in without
    assert "glibc-devel" in bundleneeds.of_fedora(without)


# --- what it looks for --------------------------------------------------------------------------


def looks(*evidence: Evidence, **more: Any) -> tuple[str, ...]:
    made = of_checks(*evidence, **more)
    return expected.of(made, made.findings[0]).looks


def test_a_broken_promise_is_seen_by_the_promise_and_by_the_check() -> None:
    assert looks(FAILED) == ("promises KVM_CAP_FEATURE yes", "check a.b fail")


def test_a_check_that_the_kernel_complained_in_is_seen_by_the_complaint_but_for_its_numbers() -> None:
    said = "BUG: unable to handle page fault for address: ffffc90000123000"
    (_, look) = looks(changed(FAILED, complaint=said))
    function, pattern, words = shlex.split(look)
    assert (function, words) == ("complains", said)
    other = said.replace("ffffc90000123000", "ffff888001000abc")
    assert subprocess.run(["grep", "-qE", pattern], input=f"[ 1.0] {other}\n".encode(), check=False).returncode == 0
    assert subprocess.run(["grep", "-qE", pattern], input=b"BUG: unable to handle it\n", check=False).returncode == 1


def test_what_is_flaky_has_several_boots() -> None:
    made = of_checks(Evidence(kind=EvidenceKind.FLAKY, name="a.b"))
    found = expected.of(made, made.findings[0])
    assert found.looks[-1] == "differs a.b" and found.tries > 5
    assert expected.of(of_checks(FAILED), of_checks(FAILED).findings[0]).tries == 1


def of_state(kind: FindingKind, evidence: Evidence, **fields: Any) -> tuple[RunResult, Finding]:
    found = changed(finding(kind, "prefix-1", "a.b: fail", patch=1), evidence=(evidence,))
    made = run(state("base"), state("prefix-1", 1, **fields), findings=(found,))
    return made, found


@pytest.mark.parametrize(
    ("said", "pattern"),
    [
        ("virt/kvm/kvm_main.c:12:5: error: 'x' undeclared", r"virt/kvm/kvm_main\.c:12:"),
        ("ld: main.o: undefined reference to `foo'", "undefined[[:space:]]+reference[[:space:]]+to[[:space:]]+`foo'"),
    ],
)
def test_a_build_that_fails_is_seen_where_it_does(said: str, pattern: str) -> None:
    outcome = Evidence(kind=EvidenceKind.OUTCOME, name="build-failed", said=said)
    found = expected.of(*of_state(FindingKind.BISECT_HOLE, outcome, outcome=Outcome.BUILD_FAILED, detail=said))
    assert found.way is Way.BUILD and shlex.split(found.looks[0]) == ["build_fails", pattern, said]


def test_a_warning_is_seen_in_its_file_wherever_it_has_moved(tmp_path: Path) -> None:
    warning = Evidence(kind=EvidenceKind.WARNING, file="a/b.c", said="unused variable 'x1' [-Wunused-variable]")
    found = expected.of(*of_state(FindingKind.NEW_WARNING, warning))
    _, pattern, _ = shlex.split(found.looks[0])
    log = b"/src/a/b.c:12:5: warning: unused variable 'x1' [-Wunused-variable]\n"
    for seen, said in ((0, log), (1, log.replace(b"x1", b"x2")), (1, log.replace(b"b.c", b"c.c"))):
        assert subprocess.run(["grep", "-qE", pattern], input=said, check=False).returncode == seen


@pytest.mark.parametrize(
    ("outcome", "call"),
    [
        (Outcome.CRASHED, "ends down hang deadline"),
        (Outcome.CRASHED, "during_probes"),
        (Outcome.BOOT_FAILED, "before_probes"),
        (Outcome.TIMED_OUT, "ends hang"),
    ],
)
def test_a_kernel_that_dies_is_seen_by_its_end(outcome: Outcome, call: str) -> None:
    evidence = Evidence(kind=EvidenceKind.OUTCOME, name=outcome, said="the guest went down")
    found = expected.of(*of_state(FindingKind.BISECT_HOLE, evidence, outcome=outcome))
    assert any(look.startswith(call) for look in found.looks) and found.checks == ()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (of_state(FindingKind.SANDBOX_DENIAL, FAILED), "a script has none"),
        (of_state(FindingKind.BISECT_HOLE, FAILED, outcome=Outcome.CONFLICT), "git cannot make prefix-1"),
        (of_state(FindingKind.BISECT_HOLE, FAILED, outcome=Outcome.NOT_TRIED), "nothing is known of prefix-1"),
        (
            of_state(FindingKind.REGRESSION, Evidence(kind=EvidenceKind.ERROR, said="x")),
            "does not say what it rests on",
        ),
        (of_state(FindingKind.FLAKY, of_flaky(END)), "does not say what it rests on"),
    ],
)
def test_what_no_script_can_show_is_told(made: tuple[RunResult, Finding], said: str) -> None:
    with pytest.raises(InputError, match=said):
        expected.of(*made)


def test_words_that_would_match_anything_are_no_pattern() -> None:
    for text in ("", " ", "\n", "- .", "\ufffd"):
        with pytest.raises(InputError, match="nothing to look for"):
            expected.pattern(text)


@given(hostile)
@example("a.b*c[d]e{2}f|g^h$i\\j(k)+?")
@example("WARNING: CPU: 1 PID: 42 at kernel/x.c:7 foo+0x1f/0x30")
def test_a_pattern_finds_the_text_that_it_was_made_of(text: str) -> None:
    try:
        pattern = expected.pattern(text)
    except InputError:
        return
    said = line(text).replace("\ufffd", "?")
    found = subprocess.run(
        ["grep", "-aqE", "-e", pattern],
        input=f"{said}\n".encode(),
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert found.returncode == 0, (pattern, said)


# --- what somebody else wrote -------------------------------------------------------------------

EVIL = ("$(>pwned)", "`>pwned`", "'; >pwned; '", '"; >pwned; "', "\n>pwned\n", "\\\n>pwned", "' $(>pwned) '", "{{ 7 }}")
evil = st.lists(st.one_of(st.sampled_from(EVIL), hostile), min_size=1, max_size=4).map("".join)


@settings(max_examples=25, deadline=None)
@given(evil)
@example("".join(EVIL))
def test_names_of_strangers_are_words_and_comments_and_never_commands(tmp_path_factory: Any, text: str) -> None:
    place = tmp_path_factory.mktemp("evil")
    named = changed(FAILED, name=f"a.{text}", said=text, complaint=text and f"word {text}")
    promise = changed(contract(False, True, "a.b"), capability=text)
    made = of_checks(named, changed(named, complaint=""))
    patches = tuple(changed(one, subject=text) for one in made.series.patches)
    made = changed(made, series=changed(made.series, name=text, patches=patches), base=changed(made.base, name=text))
    made = changed(made, states=(*made.states[:2], changed(made.states[2], contracts=(promise,))))
    kernel = bundle.Kernel(line(text), (text,))
    evil = replace(bundle_of(made), kernel=kernel, patches=(bundle.Step("0001.patch", text),))
    script = bundlescript.script(evil).encode(errors="surrogateescape")
    (place / "reproduce.sh").write_bytes(script)
    for name in ("config", "initramfs.cpio", "checks.awk"):
        (place / name).touch()
    doubles = stand_ins(place / "bin")
    (doubles / "qemu-system-x86_64").write_text("#!/bin/sh\necho Linux >console.log\n")
    done = sh("reproduce.sh", cwd=place, PATH=f"{doubles}:/usr/bin:/bin", LINUX=str(place))
    assert done.returncode == 1, done.stderr
    assert b"NOT SHOWN" in done.stdout and b"not found" not in done.stderr
    assert [*place.rglob("pwned")] == []
    assert len(script.splitlines()) == len(bundlescript.script(evil).encode(errors="replace").splitlines())
    for shown in (bundle.readme(evil), script.decode()):
        assert printable(shown) == shown


@settings(max_examples=25, deadline=None)
@given(evil)
@example("\x1b]0;evil\x07$(x)")
def test_no_name_of_a_suite_reaches_a_terminal_as_it_is(text: str) -> None:
    named = changed(FAILED, name=f"kunit.{text}.case")
    made = bundle_of(of_checks(named), boots=())
    for shown in (bundle.readme(made), bundlescript.script(made)):
        assert printable(shown) == shown


@settings(max_examples=50, deadline=None)
@given(st.one_of(evil, st.just("")).filter(lambda text: "\0" not in text and text.isprintable()))
@example("A=@SOURCE@/x @BUILD@'@CROSS@")
def test_a_word_of_make_is_that_word_but_for_its_marks(word: str) -> None:
    done = sh("-c", f"source=S build=B cross=C; printf '%s' {bundlescript.in_script(word)}", PATH="/usr/bin:/bin")
    plain = word.replace("@SOURCE@", "S").replace("@BUILD@", "B").replace("@CROSS@", "C")
    assert done.stdout.decode() == plain and done.stderr == b""


# --- how it reads what probes say ---------------------------------------------------------------


def read(text: str, *options: str) -> set[tuple[str, str]]:
    done = subprocess.run(
        ["awk", *options, "-f", str(READER)],
        input=text.encode(errors="replace"),
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    rows = (row.split(" ", 1) for row in done.stdout.decode().splitlines())
    return {(status, name) for status, name in rows}


def plainly(name: str) -> str:
    """As the script has it, of a check's name."""
    return re.sub("(?:_*[^\x00-\x7f]+)+_*", "_", name)


ANSWERED = (Status.PASS, Status.FAIL, Status.SKIP, Status.XFAIL)


@pytest.mark.parametrize("name", ["tip.ktap", "without-3.ktap", "base.ktap", "warning.ktap", "panic.ktap"])
def test_what_real_guests_said_is_read_as_kseries_reads_it(name: str) -> None:
    text = (DATA / name).read_text()
    checks = [one for one in ktap.parse(text).checks if one.status in ANSWERED]
    assert checks
    assert {(str(one.status), plainly(one.id)) for one in checks} <= read(text)


LINES = st.sampled_from(
    (
        "ok 1 a",
        "not ok 2 b",
        "ok 3 - c # SKIP no",
        "not ok 4 d # TODO later",
        "ok 5 e # XFAIL known",
        "ok f",
        "not ok",
        "ok 7",
        "ok 8 g # TIMEOUT",
        "  ok 1 part",
        "    not ok 2 part two",
        "# nothing",
        "ok 9 h # issue 12",
        "ok 10 i #1",
        "ok 11 x-y",
        "not ok 12 x_y",
        "ok 13 two  words, and\tmore",
        "ok 14 - ***",
        "not ok 15 h\u00e9 _\u2014 ho__",
    )
)


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, max_size=8))
@example(["    ok 1 x", "    not ok 2 y", "ok 1 whole"])
@example(["ok 3 - c # SKIP no", "not ok 2 b", "not ok 2 b"])
def test_what_a_probe_may_say_is_read_as_kseries_reads_it(said: list[str]) -> None:
    lines = ["KTAP version 1", "    # Subtest: p", *(f"    {one}" for one in said), "ok 1 p", "# kseries: end"]
    text = "".join(f"{one}\n" for one in lines)
    checks = [one for one in ktap.parse(text).checks if one.status in ANSWERED]
    found = read(text)
    for one in checks:
        assert (str(one.status), plainly(one.id)) in found, (text, one, found)


def test_names_that_differ_in_a_dash_are_two_checks() -> None:
    said = read("    # Subtest: a\n    ok 1 x-y\n    not ok 2 x_y\nok 1 a\n")
    assert {("begun", "a"), ("pass", "a.x-y"), ("fail", "a.x_y")} <= said
    assert ("fail", "a.x-y") not in said and ("pass", "a.x_y") not in said


def test_a_suite_of_kunits_is_called_as_kseries_calls_it() -> None:
    said = read("    # Subtest: my.suite x\n    ok 1 a-b\n# my.suite\nok 1 my.suite x\n", "-v", "kunit=1")
    check = f"{kunit.probe('my.suite x').removeprefix(kunit.PREFIX)}.a-b"
    assert {("begun", "my_suite_x"), ("pass", check)} <= said
    made = bundlescript.script(replace(SPLIT, boots=(kunit.words("x"),)))
    assert 'awk -v kunit=1 -f "$here/checks.awk"' in made


# --- the source ---------------------------------------------------------------------------------


def unpacked(place: Path, *without: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """What comes of a script whose kernel is a commit, with the programs of this host and not our doubles of them."""
    told = Told(place)
    for name in without:
        (told.bin / name).unlink()
    Repository(place / "linux").commit("base", {"Makefile": "VERSION = 6\n"})
    kernel = replace(bundle_of(of_checks(FAILED)).kernel, commit="a" * 40)
    return told.asked(replace(EACH["fails"], kernel=kernel), console=BOOTED, results=FAILS, stays=True, **env)


def test_a_clone_without_the_commit_is_not_taken_for_the_kernel(tmp_path: Path) -> None:
    done = unpacked(tmp_path, "git", "tar")
    assert done.returncode == 2 and f"git finds no commit {'a' * 40} in {tmp_path}" in done.stderr


@pytest.mark.parametrize("breaks", ["git", "dpkg-deb"])
def test_a_source_that_breaks_off_is_none(breaks: str, tmp_path: Path) -> None:
    package = tmp_path / "linux.deb"
    package.touch()
    broken = f'#!/bin/sh\ncase "$*" in *cat-file*) exit 0 ;; esac\n: >"{tmp_path}/tried"\nexit 1\n'
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / breaks).write_text(broken)
    (tmp_path / "broken" / breaks).chmod(0o755)
    env = {"PATH": f"{tmp_path}/broken:{tmp_path}/bin:/usr/bin:/bin"}
    done = unpacked(tmp_path, **env, **({} if breaks == "git" else {"LINUX": str(package)}))
    assert done.returncode == 2 and "cannot be unpacked" in done.stderr and (tmp_path / "tried").exists()


def test_a_copy_of_the_kernel_has_no_copy_of_itself(tmp_path: Path) -> None:
    (tmp_path / "linux" / "sub").mkdir(parents=True)
    told = Told(tmp_path)
    (told.bin / "tar").unlink()
    (tmp_path / "linux" / "sub" / "file").touch()
    made = EACH["fails"]
    where = {"LINUX": str(tmp_path / "linux" / "sub" / ".."), "WORK": str(tmp_path / "linux" / "sub" / "w*")}
    done = told.asked(made, console=BOOTED, results=FAILS, stays=True, **where)
    assert done.returncode == 0, done.stderr
    copy = tmp_path / "linux" / "sub" / "w*" / "linux"
    assert sorted(str(one.relative_to(copy)) for one in copy.rglob("*")) == ["sub", "sub/file"]


# --- what it makes of a guest -------------------------------------------------------------------

BOOTED = "[    0.000000] Linux version 6.12\n"
OURS = "KTAP version 1\n1..2\n    # Subtest: capabilities\n    ok 1 flags\nok 1 capabilities\n"
BEGUN = f"{OURS}    # Subtest: a\n    1..1\n    # plan: b\n"
PASSES = f"{BEGUN}    ok 1 b\nok 2 a\n# kseries: end\n"
FAILS = PASSES.replace("    ok 1 b", "    not ok 1 b")
MISSING = changed(FAILED, status=Status.MISSING)
FLAKY = Evidence(kind=EvidenceKind.FLAKY, name="a.b")


def ended(outcome: Outcome, evidence: Evidence | None = None) -> bundle.Bundle:
    """The bundle of a state that came to an outcome."""
    evidence = evidence or Evidence(kind=EvidenceKind.OUTCOME, name=outcome, said="the guest went down")
    return bundle_of(of_state(FindingKind.BISECT_HOLE, evidence, outcome=outcome)[0])


EACH = {
    "fails": ended(Outcome.OK, FAILED),
    "lost": ended(Outcome.OK, MISSING),
    "died in it": ended(Outcome.CRASHED, FAILED),
    "died in a boot of its own": ended(Outcome.OK, changed(FAILED, said="the machine ended in it: the guest reset")),
    "died before": ended(Outcome.CRASHED, MISSING),
    "flaky": ended(Outcome.OK, FLAKY),
    "no boot": ended(Outcome.BOOT_FAILED),
    "no boot for it": ended(Outcome.BOOT_FAILED, MISSING),
    "crash": ended(Outcome.CRASHED),
    "hang": ended(Outcome.TIMED_OUT),
}


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("name", EACH)
def test_a_guest_that_says_nothing_was_not_asked(name: str, stays: bool, tmp_path: Path) -> None:
    done = Told(tmp_path).asked(EACH[name], stays=stays)
    assert done.returncode == 2 and "the guest said nothing" in done.stderr, done.stdout


@pytest.mark.parametrize(
    ("name", "said", "stays", "shown"),
    [
        ("fails", FAILS, True, True),
        ("fails", PASSES, True, False),
        ("fails", BEGUN, False, False),
        ("fails", "", False, False),
        ("lost", BEGUN, False, True),
        ("lost", f"{OURS}# kseries: end\n", True, True),
        ("lost", "KTAP version 1\n1..0\n# kseries: end\n", True, False),
        ("lost", OURS, False, False),
        ("lost", "", False, False),
        ("lost", PASSES, True, False),
        ("died in it", BEGUN, False, True),
        ("died in it", "", False, False),
        ("died in it", PASSES, True, False),
        ("died in a boot of its own", BEGUN, False, True),
        ("died in a boot of its own", "", False, False),
        ("died before", OURS, False, True),
        ("died before", "", False, False),
        ("no boot", "", False, True),
        ("no boot", OURS, False, False),
        ("no boot for it", "", False, True),
        ("crash", BEGUN, False, True),
        ("crash", "", False, False),
        ("crash", PASSES, True, False),
        ("hang", BEGUN, True, True),
        ("hang", BEGUN, False, False),
        ("hang", "", True, False),
    ],
)
def test_a_finding_is_shown_by_what_the_guest_says(
    name: str, said: str, stays: bool, shown: bool, tmp_path: Path
) -> None:
    done = Told(tmp_path).asked(EACH[name], console=BOOTED, results=said, stays=stays)
    assert done.returncode == (0 if shown else 1), done.stdout + done.stderr


def test_results_that_went_down_with_the_machine_are_told_by_the_kernels_log(tmp_path: Path) -> None:
    log = f"{BOOTED}[    1.000000] kseries: enter a.b\n"
    for number, name in enumerate(("died in it", "crash", "lost")):
        (tmp_path / str(number)).mkdir()
        assert Told(tmp_path / str(number)).asked(EACH[name], console=log).returncode == 0


def test_a_check_that_is_missing_once_has_not_given_another_answer(tmp_path: Path) -> None:
    once = "[ -e {place}/once ] || sed -i '/ok 1 b/d' results.log; : >{place}/once; exec /bin/sleep 60"
    told = Told(tmp_path)
    made = replace(EACH["flaky"], expected=replace(EACH["flaky"].expected, tries=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.support.bundles.SAYS", SAYS.replace("{then}", once))
        done = told.asked(made, console=BOOTED, results=PASSES, stays=True)
    assert done.returncode == 1 and done.stdout.count("booted") == 3, done.stdout


@pytest.mark.parametrize(
    ("name", "said", "stays", "code"),
    [
        ("hang", BEGUN, True, 2),
        ("lost", BEGUN, True, 2),
        ("died in it", BEGUN, True, 2),
        ("died in it", FAILS, True, 0),
        ("crash", BEGUN, False, 0),
        ("fails", FAILS, True, 0),
        ("fails", PASSES, True, 1),
    ],
)
def test_without_kvm_a_guest_that_is_not_done_in_time_shows_nothing(
    name: str, said: str, stays: bool, code: int, tmp_path: Path
) -> None:
    made = replace(EACH[name], accel=Accel(name="kvm", why=""))
    done = Told(tmp_path).asked(made, console=BOOTED, results=said, stays=stays, host="riscv64")
    assert done.returncode == code, done.stdout + done.stderr
    assert (code == 2) == ("without KVM that is no sign" in done.stderr)
    if "ending: hang" in done.stdout:
        assert len((tmp_path / "seconds").read_text().splitlines()) * 10 >= 10 * made.machine.stall_seconds


@pytest.mark.parametrize("kind", [FindingKind.NEW_WARNING, FindingKind.BISECT_HOLE])
def test_a_build_that_fails_of_something_else_was_not_asked(kind: FindingKind, tmp_path: Path) -> None:
    warning = Evidence(kind=EvidenceKind.WARNING, file="a/b.c", said="unused variable 'x1' [-Wunused-variable]")
    failed = {"outcome": Outcome.BUILD_FAILED, "detail": "a/b.c:1:2: error: no"}
    made = bundle_of(of_state(kind, warning, **(failed if kind is FindingKind.BISECT_HOLE else {}))[0])
    said = "tools/objtool/elf.c:1:10: fatal error: gelf.h: No such file or directory\n"
    done = Told(tmp_path).asked(made, log=said)
    assert done.returncode == 2 and said in done.stderr and "SHOWN" not in done.stdout
    (tmp_path / "other").mkdir()
    both = Told(tmp_path / "other").asked(made, log="a/b.c:1:2: warning: unused variable 'x1' [-Wunused-variable]\n"
                                          "a/b.c:1:2: error: no\n")  # fmt: skip
    assert both.returncode == 0, both.stdout + both.stderr


@pytest.mark.parametrize(
    "said",
    [
        "make: *** [Makefile:251: __sub-make] Error 2",
        "make[2]: *** [scripts/Makefile.build:229: virt/x.o] Error 1",
        "make[1]: *** Waiting for unfinished jobs....",
    ],
)
def test_what_make_says_of_any_build_is_no_sign_of_one(said: str) -> None:
    outcome = Evidence(kind=EvidenceKind.OUTCOME, name="build-failed", said=said)
    with pytest.raises(InputError, match="so says any build that fails"):
        expected.of(*of_state(FindingKind.BISECT_HOLE, outcome, outcome=Outcome.BUILD_FAILED, detail=said))


# --- the command's words, and the files ---------------------------------------------------------


def test_a_finding_is_named_by_its_number() -> None:
    made = of_checks(FAILED)
    assert bundles.finding(made, "1") == (1, made.findings[0])
    for number in ("0", "2", "-1", "x", "1.0", "9" * 40, "\u0661"):
        with pytest.raises(InputError, match="there are: 1 silent-break at without-2"):
            bundles.finding(made, number)
    with pytest.raises(InputError, match="no findings"):
        bundles.finding(run(state("base")), "1")
    with pytest.raises(InputError, match="so far: the run was interrupted"):
        bundles.finding(changed(made, partial=True), "2")


def test_a_run_says_what_it_was_read_from_or_its_user_does() -> None:
    words = ("a..b", "--tree", "linux", "--unboxed")
    made = run(state("base"), words=words)
    assert bundles.words(made, None) == ("a..b", "--tree", "linux")
    assert bundles.words(made, "c..d") == ("c..d", "--tree", "linux")
    assert bundles.words(run(state("base")), "x") == ("x", "--arch", "x86_64")
    for lost in ((), ("-", "--arch", "x86_64")):
        with pytest.raises(InputError, match="kseries bundle RUN FINDING TARGET"):
            bundles.words(run(state("base"), words=lost), None)


def test_what_is_to_be_typed_can_be() -> None:
    assert shlex.split(typed.told(Path("a b/$(x)'c")).partition("run: ")[2]) == ["sh", "a b/$(x)'c/reproduce.sh"]
    assert typed.told(Path("a")).endswith(" and run: sh a/reproduce.sh")


FILES = (File("reproduce.sh", b"a", program=True), File("base.sha256", b"b"), File("patches/0001.patch", b"c"))


def test_a_bundle_replaces_a_bundle_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "out"
    bundlewriting.check(place)
    bundlewriting.write(place, FILES)
    (place / "work").mkdir()
    bundlewriting.check(place)
    bundlewriting.write(place, FILES)
    assert sorted(one.name for one in place.iterdir()) == ["base.sha256", "patches", "reproduce.sh"]
    assert (place / "reproduce.sh").stat().st_mode & 0o777 == 0o755
    (place / "mine").touch()
    with pytest.raises(InputError, match="more than a bundle"):
        bundlewriting.check(place)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").touch()
    with pytest.raises(InputError, match="something else"):
        bundlewriting.check(tmp_path / "other")
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_file_that_is_no_bundle_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "x.tar.gz"
    bundlewriting.write(place, FILES)
    bundlewriting.check(place)
    bundlewriting.write(place, FILES)
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.add(tmp_path, "other", recursive=False)
    other = (tmp_path / "other.tar.gz").read_bytes()
    for kept in (b"precious", b"", other, other[:20], gzip.compress(b"x" * 2000)):
        place.write_bytes(kept)
        for put in (bundlewriting.check, lambda path: bundlewriting.write(path, FILES)):
            with pytest.raises(InputError, match="the file is there, and no bundle"):
                put(place)
        assert place.read_bytes() == kept
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other.tar.gz", "x.tar.gz"]


def test_where_no_bundle_can_be_is_told_before_one_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for name in (".", "..", "/", "/dev/null/x", "/proc/nope/x", "/proc/x", "file/x.tgz", "a" * 300, f"{'a' * 300}.tgz"):
        with pytest.raises(InputError, match=r"^-o "):
            bundlewriting.check(Path(name))
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_two_that_are_made_at_once_do_not_meet(tmp_path: Path) -> None:
    def meanwhile() -> Iterator[File]:
        yield FILES[0]
        bundlewriting.write(tmp_path / "out", FILES)
        yield from FILES[1:]

    bundlewriting.write(tmp_path / "out", meanwhile())
    assert [one.name for one in tmp_path.iterdir()] == ["out"] and len([*(tmp_path / "out").iterdir()]) == 3


def test_the_same_files_make_the_same_tarball(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        bundlewriting.write(tmp_path / name / "x.tar.gz", reversed(FILES) if name == "a" else FILES)
    assert (tmp_path / "a" / "x.tar.gz").read_bytes() == (tmp_path / "b" / "x.tar.gz").read_bytes()


def test_a_tarball_has_all_of_a_tree_whatever_its_attributes_say(tmp_path: Path) -> None:
    theirs = Repository(tmp_path / "linux")
    hidden = "$Format:%H$\n"
    files = {"Makefile": "VERSION = 6\n", ".gitattributes": "* export-ignore export-subst\n", "file": hidden}
    theirs.commit("base", files)
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(theirs.path)
    packed = [tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"]
    for one in packed:
        export.tarball(store, theirs.tree(), one)
    assert packed[0].read_bytes() == packed[1].read_bytes()
    with tarfile.open(packed[0]) as tar:
        assert {one.name.removeprefix("linux/") for one in tar if one.isfile()} == {*files}
        told = tar.extractfile("linux/file")
        assert told is not None and told.read().decode() == hidden


def test_files_that_a_series_leaves_as_they_were_have_their_checksums_too(tmp_path: Path) -> None:
    theirs = Repository(tmp_path / "linux")
    trees = []
    for text in ("base", "patched", "base"):
        theirs.commit(text, {"Makefile": "VERSION = 6\n", "file": text, "a b": text})
        trees.append(theirs.tree())
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(theirs.path)
    before, after = export.sums(store, trees)
    assert before == after and before.count("./file\n") == before.count("./a b\n") == 1


@pytest.mark.parametrize("result", sorted((DATA / "version-1").rglob("*.json")), ids=lambda path: path.stem)
def test_findings_of_an_older_schema_are_looked_for_or_told_why_not(result: Path) -> None:
    made = rundir.read(result)[0]
    for one in made.findings:
        try:
            found = expected.of(made, one)
        except InputError as error:
            assert len(str(error).splitlines()) <= 2
        else:
            assert found.looks
