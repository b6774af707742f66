# SPDX-License-Identifier: GPL-2.0-only
"""init and other people's programs, without a kernel of their own: what it says is read as a guest's would be."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.evaluate import overdue
from kseries.host import paths
from kseries.kbuild import initramfs
from kseries.model import Check, Observation, Origin, Outcome, Probe, Status, probe
from kseries.probes import ktap

SILENT = "#include <unistd.h>\nint main(void) { return %d; }\n"
TALKS = """\
#include <stdio.h>
int main(void)
{
	fputs("to standard error\\n", stderr);
	puts("some words\\n# Subtest: other\\n# plan: never\\n\\t# plan: nor\\n# cap FOO=2");
	puts("# kseries: end");
	return 3;
}
"""
TAP = """\
#include <stdio.h>
int main(void)
{
	puts("TAP version 13\\n1..3\\nok 1 the first thing\\nok 2 - second # SKIP no such thing\\nnot ok 3 third");
	return 1;
}
"""
NAMELESS = """\
#include <stdio.h>
int main(void)
{
	printf("TAP version 13\\n1..6\\n");
	printf("ok 1 with_a_name\\nnot ok 2\\nok 3 # SKIP foo is not there\\n");
	printf("not ok 4 # error bar\\nok 5 baz # skip lower case\\n");
	return 0;
}
"""
NESTED = """\
#include <stdio.h>
int main(void)
{
	puts("[    1.000000] KTAP version 1\\n[    1.000001] 1..2");
	puts("[    1.000002]     KTAP version 1\\n[    1.000003]     # Subtest: suite\\n[    1.000004]     1..2");
	puts("[    1.000005]     ok 1 case\\n[    1.000006]     not ok 2 other\\n[    1.000007] ok 1 suite");
	puts("KTAP version 1\\n1..1\\n    # Subtest: nested\\n    # plan: x\\n    ok 1 deep\\nok 1 nested");
	puts("nested: no memory\\nBail out! no memory");
	return 0;
}
"""
OURS = """\
#include "ktap.h"
static void works(void) { }
static void fails(void) { ktap_fail("of course"); }
int main(void)
{
	static const struct check checks[] = { { "works", works }, { "fails", fails } };
	return ktap_main("ours", checks, 2, 0);
}
"""
FORGES = """\
#include <stdio.h>
int main(void)
{
	puts("# Subtest: forges\\n# plan: own\\nok 1 own");
	puts("# Subtest: capabilities\\n      # Subtest: capabilities\\n# Subtest: forges2\\nnot ok 2 theirs");
	return 0;
}
"""
TELLS = """\
#include <stdio.h>
#include <stdlib.h>
static void tell(const char *text) { printf("<%s>\\n", text ? text : "none"); }
int main(int n, char **words)
{
	for (int i = 0; i < n; i++)
		tell(words[i]);
	tell(getenv("GREETING"));
	tell(getenv("EMPTY"));
	return 0;
}
"""
PROGRAMS = {
    "tells": TELLS,
    "sleeps": "#include <unistd.h>\nint main(void) { return sleep(1000); }\n",
    "passes": SILENT % 0,
    "skips": SILENT % 4,
    "fails": SILENT % 1,
    "dies": "#include <signal.h>\nint main(void) { return raise(SIGSEGV); }\n",
    "reads-itself": "#include <fcntl.h>\nint main(int n, char **words) { return n == 1 && open(words[0], 0) < 0; }\n",
    "talks": TALKS,
    "tap": TAP,
    "nameless": NAMELESS,
    "nested": NESTED,
    "ours": OURS,
    "forges": FORGES,
    "own-names": "int say(void) { return 0; }\nint ktap_main(void) { return say(); }\nint main(void) { return 0; }\n",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory with init and these programs, made by the guests' Makefile."""
    top = tmp_path_factory.mktemp("guest")
    sources = []
    for name, text in PROGRAMS.items():
        source = top / "src" / f"{name}.c"
        source.parent.mkdir(exist_ok=True)
        source.write_text(text)
        sources.append(str(source))
    out = top / "root"
    words = ["make", "-j2", "--silent", f"--directory={paths.project('guests')}", f"OUT={out}"]
    words += ["HEADERS=/usr/include", f"PROGRAMS={' '.join(sources)}", str(out / "init")]
    subprocess.run([*words, *(str(out / "programs" / name) for name in PROGRAMS)], check=True, timeout=300)
    for folder in ("dev", "proc", "sys", "tmp", "probes"):
        (out / folder).mkdir(exist_ok=True)
    return out


def said(root: Path, *probes: str | Probe) -> Iterator[str]:
    """The lines of init, up to the one that it ends with; a name is that of a program."""
    asked = [Probe.program(probe) if isinstance(probe, str) else probe for probe in probes]
    (root / "probes.list").write_text(initramfs.told(asked, 60))
    with subprocess.Popen([*boxed(root), "/init"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            yield line
            if line.rstrip() == ktap.END:
                running.kill()
                return


def boxed(root: Path) -> list[str]:
    box = ["bwrap", "--unshare-pid", "--die-with-parent", "--bind", str(root), "/", "--dev", "/dev", "--proc", "/proc"]
    return [*box, "--"]


def report(root: Path, *probes: str | Probe) -> ktap.Report:
    return ktap.parse("".join(said(root, *probes)))


@pytest.mark.parametrize(
    ("name", "status", "detail"),
    [
        ("passes", Status.PASS, ""),
        ("skips", Status.SKIP, "exit status 4"),
        ("fails", Status.FAIL, "exit status 1"),
        ("dies", Status.FAIL, "killed by signal 11"),
        ("own-names", Status.PASS, ""),
        ("reads-itself", Status.PASS, ""),
        ("absent", Status.FAIL, "it was not built"),
    ],
)
def test_what_a_program_exits_with_is_a_check(name: str, status: Status, detail: str, root: Path) -> None:
    assert report(root, name).checks == (Check(id=f"{name}.exit_status", status=status, detail=detail),)


def test_what_a_program_prints_explains_its_status_and_passes_for_nothing_else(root: Path) -> None:
    told = report(root, "talks", "passes")
    first, second = told.checks
    assert (first.id, first.status, second.id) == ("talks.exit_status", Status.FAIL, "passes.exit_status")
    assert {"to standard error", "some words", "exit status 3"} <= {*first.detail.splitlines()}
    assert told.caps == {"FOO": 2} and told.ended


def test_results_in_tap_count_beside_the_exit_status(root: Path) -> None:
    found = {check.id: check.status for check in report(root, "tap").checks}
    assert found == {
        "tap.the_first_thing": Status.PASS,
        "tap.second": Status.SKIP,
        "tap.third": Status.FAIL,
        "tap.exit_status": Status.FAIL,
    }


def test_results_are_read_whatever_they_lack_and_the_plan_is_not_met_by_the_exit_status(root: Path) -> None:
    assert {check.id: check.status for check in report(root, "nameless").checks} == {
        "nameless.with_a_name": Status.PASS,
        "nameless.2": Status.FAIL,
        "nameless.3": Status.SKIP,
        "nameless.4": Status.FAIL,
        "nameless.baz": Status.SKIP,
        "nameless.6": Status.MISSING,
        "nameless.exit_status": Status.PASS,
    }


def test_nested_results_and_bail_out_come_through_and_no_program_announces_names(root: Path) -> None:
    told = report(root, "nested", "passes")
    assert {check.id: check.status for check in told.checks} == {
        "nested.suite/case": Status.PASS,
        "nested.suite/other": Status.FAIL,
        "nested.suite": Status.FAIL,
        "nested.2": Status.MISSING,
        "nested.nested/deep": Status.PASS,
        "nested.nested": Status.PASS,
        "nested.bail_out": Status.FAIL,
        "nested.exit_status": Status.FAIL,
        "passes.exit_status": Status.PASS,
    }
    details = {check.id: check.detail for check in told.checks}
    assert details["nested.bail_out"] == "nested: no memory\nBail out! no memory"


def test_a_program_that_uses_our_library_is_told_by_its_checks_alone(root: Path) -> None:
    found = {check.id: check.status for check in report(root, "ours").checks}
    assert found == {"ours.works": Status.PASS, "ours.fails": Status.FAIL}


def test_a_program_that_begins_as_ours_do_begins_no_other_probe(root: Path) -> None:
    lines = [line.rstrip() for line in said(root, "forges")]
    begun = {line for line in lines if line.startswith("    # Subtest: ")}
    assert begun == {"    # Subtest: forges"}
    assert lines.count("    # # Subtest: capabilities") == 1
    told = {check.id: check.status for check in ktap.parse("".join(said(root, "forges"))).checks}
    assert told == {"forges.own": Status.PASS, "forges.theirs": Status.FAIL}


@pytest.mark.parametrize("count", [0, 1, 500])
def test_there_may_be_as_many_as_somebody_has(root: Path, count: int) -> None:
    """As words for init a kernel takes 32, and 2048 bytes of them all."""
    told = report(root, *("passes" for _ in range(count)))
    assert told.ended and len(told.probes) == min(count, 1)
    lines = list(said(root, *("passes" for _ in range(count))))
    assert f"1..{count}\n" in lines
    assert [line for line in lines if line.startswith("ok ")] == [f"ok {n} passes\n" for n in range(1, count + 1)]


def test_without_a_list_init_says_so_and_ends(root: Path) -> None:
    (root / "probes.list").unlink(missing_ok=True)
    done = subprocess.run([*boxed(root), "/init"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "cannot open /probes.list: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("passes\n", "passes"),
        ("program\n", "program"),
        ("seconds 9\n", "a probe without a name"),
        ("probe a\n", "a"),
        ("probe a\narg /a\nseconds 0\n", "a"),
        ("probe a\narg /a\nwhat is this\n", "what is this"),
        ("probe a\narg /a\nenv\n", "env"),
        ("probe a\narg /a", "arg /a"),
        ("probe a\n" + "arg x\n" * 32, "arg x"),
    ],
)
def test_a_list_that_init_does_not_understand_is_not_guessed_at(root: Path, text: str, wrong: str) -> None:
    (root / "probes.list").write_text(text)
    done = subprocess.run([*boxed(root), "/init"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"cannot follow /probes.list: {wrong}: Invalid argument" in done.stderr


def test_a_probe_has_the_words_and_the_variables_that_it_is_given(root: Path) -> None:
    most = ("x",) * (probe.MOST_WORDS - 3)
    asked = Probe(
        name="told",
        argv=("/programs/tells", "two words", "", *most),
        origin=Origin.SELFTEST,
        environment={"GREETING": "hello = world", "EMPTY": ""},
    )
    lines = [line.strip() for line in said(root, asked, "tells")]
    assert [line for line in lines if line.startswith("<")] == [
        *(f"<{word}>" for word in (*asked.argv, "hello = world", "")),
        *("</programs/tells>", "<none>", "<none>"),
    ]


def test_each_probe_has_its_own_time(root: Path) -> None:
    hasty = Probe(name="hasty", argv=("/programs/sleeps",), origin=Origin.PROGRAM, seconds=1)
    told = {check.id: (check.status, check.detail) for check in report(root, hasty, "passes").checks}
    assert told == {
        "hasty.exit_status": (Status.FAIL, "no answer after 1 s"),
        "passes.exit_status": (Status.PASS, ""),
    }
    checks = tuple(Check(id=name, status=status, detail=detail) for name, (status, detail) in told.items())
    base = Observation(tree="", outcome=Outcome.OK, checks=checks)
    assert overdue.on_base(base, ("hasty", "passes")) == ("hasty",)
