# SPDX-License-Identifier: GPL-2.0-only
"""What ran of each patch: from C source, line table and QEMU's log to the patches of a series."""

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from kseries import arch as archs
from kseries.app import session
from kseries.coverage import linetable, source
from kseries.coverage.linetable import Code
from kseries.coverage.tracepoints import Watch, Watched
from kseries.guest import qemu
from kseries.guest.trace import Symbols
from kseries.judge import exercise
from kseries.judge import grounds as counted
from kseries.kbuild import binutils
from kseries.model import (
    Accel,
    AppliedPatch,
    Base,
    Check,
    ContractVerdict,
    Coverage,
    Ending,
    Exercise,
    Finding,
    FindingKind,
    Grounds,
    LeftOut,
    Outcome,
    Plan,
    RunResult,
    SeriesSummary,
    StateResult,
    Status,
    Variant,
    Verdict,
    Way,
)
from kseries.report import coverage as told_of
from kseries.report import grounds, html, junit, text
from kseries.sources import TreeStore, hunks
from tests.support.gitrepo import Repository
from tests.support.runs import judgement
from tests.support.told import of_lines

TCG = Accel(name="tcg", why="a test")
SOURCE = """\
#include <linux/kernel.h>

static struct ops table = {
\t.run = run,
};

/* Not of run(): a comment { with a brace */
static int run(int a,
\t       int b)
{
\tif (a)
\t\tgoto out;
out:
\treturn b;
}
EXPORT_SYMBOL(run);

static inline int one(void) { return 1; }

__printf(1, 2) void say(const char *format, ...)
{
}

SYSCALL_DEFINE2(answer, int, a, int, b)
{
\treturn a + b;
}

int declared(int a,
\t     int b);
"""


def test_functions_are_found_with_their_first_and_last_line() -> None:
    found = [(one.name, one.first, one.last) for one in source.functions(SOURCE)]
    assert found == [("run", 8, 15), ("one", 18, 18), ("say", 20, 22), ("SYSCALL_DEFINE2(answer)", 24, 27)]


@pytest.mark.parametrize("text", ["", "{", "}", "int", "int f(", "int f(void)\n{", "=\n{\n", "#define F(x) {\n"])
def test_no_text_is_too_broken_to_be_read(text: str) -> None:
    source.functions(text)


DIFF = b"""\
diff --git a/kernel/a.c b/kernel/a.c
--- a/kernel/a.c
+++ b/kernel/a.c
@@ -3,0 +4,2 @@ int f(void)
+++ an odd line
+and one more
@@ -9,2 +10,0 @@
-gone
-gone too
diff --git a/kernel/new.c b/kernel/new.c
--- /dev/null
+++ b/kernel/new.c
@@ -0,0 +1 @@
+first
diff --git a/kernel/old.c b/kernel/old.c
--- a/kernel/old.c
+++ /dev/null
@@ -1 +0,0 @@
-last
"""


def test_a_diff_tells_which_lines_came_and_after_which_some_went() -> None:
    assert source.changed(tuple(hunks.sections(DIFF)[0])) == {
        "kernel/a.c": source.Changed(come=(4, 5), gone=(10,)),
        "kernel/new.c": source.Changed(come=(1,)),
    }


def test_what_went_from_between_two_functions_changes_neither() -> None:
    before, after = source.Function("a", 1, 5), source.Function("b", 6, 9)
    assert not any(source.Changed(gone=(5,)).inside(one) for one in (before, after))
    assert source.Changed(gone=(4,)).inside(before)


# As readelf -W --debug-dump=decodedline prints it.
TABLE = """\
CU: arch/x86/kvm/../../../virt/kvm/kvm_main.c:
File name                            Line number    Starting address    View    Stmt
kvm_main.c                                   130  0xffffffff8101220a               x
kvm_main.c                                   130  0xffffffff8101220a       1       x

include/linux/kvm_host.h:
kvm_host.h                                  1074  0xffffffff81012212               x

arch/x86/kvm/../../../virt/kvm/kvm_main.c:
kvm_main.c                                   131  0xffffffff81012220               x
kvm_main.c                                   900  0xffffffff81012230               x
kvm_main.c                                     -  0xffffffff81012240
""".splitlines()


def test_code_of_a_line_ends_where_the_next_row_begins_in_whatever_file() -> None:
    found = tuple(linetable.rows(TABLE, {"virt/kvm/kvm_main.c": ((120, 140),)}))
    start = 0xFFFFFFFF8101220A
    assert found == (
        Code("virt/kvm/kvm_main.c", 130, start, start),
        Code("virt/kvm/kvm_main.c", 130, start, 0xFFFFFFFF81012212),
        Code("virt/kvm/kvm_main.c", 131, 0xFFFFFFFF81012220, 0xFFFFFFFF81012230),
    )


def test_spans_are_merged_across_the_smallest_gaps() -> None:
    assert linetable.merged([(1, 2), (3, 4), (90, 95), (96, 99)], 2) == ((1, 4), (90, 99))
    assert linetable.merged([(5, 6), (1, 2)], 9) == ((1, 2), (5, 6))


SYMBOLS = Symbols(["0000000000001000 T start_kernel", "0000000000002000 t run", "0000000000003000 T _etext"])
CODE = (Code("a.c", 10, 0x2000, 0x2000), Code("a.c", 11, 0x2000, 0x2008), Code("a.c", 12, 0x2008, 0x2010))


def test_the_whole_functions_are_watched_and_one_that_always_runs() -> None:
    assert Watched(CODE[2:], SYMBOLS, TCG).addresses == ((0x1000, 0x2000), (0x2000, 0x3000))


def test_a_line_ran_if_an_instruction_of_it_did() -> None:
    seen = Watched(CODE, SYMBOLS, TCG).coverage([0x1000, 0x2000, 0x2004])
    assert seen == Coverage(code={"a.c": (10, 11, 12)}, ran={"a.c": (10, 11)})


@pytest.mark.parametrize(
    ("watched", "executed", "why"),
    [
        (Watched(CODE, SYMBOLS, Accel(name="kvm", why="")), [], "does not tell"),
        (Watched(CODE, SYMBOLS, TCG), [0x2000], "start_kernel"),
        (Watched(None, SYMBOLS, TCG), [], "no line table"),
    ],
)
def test_what_cannot_be_seen_is_not_known_and_not_unexercised(watched: Watched, executed: list[int], why: str) -> None:
    assert why in watched.coverage(executed).unknown


def test_the_log_of_qemu_tells_each_instruction_once(tmp_path: Path) -> None:
    log = tmp_path / "executed"
    log.write_text("----------------\nIN: run\n0x00002000:  55   pushq    %rbp\n0x00002001:  c3   retq\n\n" * 2)
    assert sorted(qemu.instructions(tmp_path, "executed")) == [0x2000, 0x2001]
    assert qemu.instructions(tmp_path, "none") == ()


# --- per patch ----------------------------------------------------------------------------------

BEFORE = "int run(int a)\n{\n\treturn a;\n}\n\nint idle(void)\n{\n\treturn 0;\n}\n"
SERIES: tuple[dict[str, str], ...] = (
    {"k/a.c": BEFORE.replace("return a;", "a++;\n\treturn a;")},
    {"k/a.c": BEFORE.replace("return a;", "a++;\n\treturn a;").replace("return 0;", "return 1;")},
    {"Documentation/a.rst": "said\n"},
    {"k/entry.S": "nop\n"},
)
"""The first patch changes a line of run(), the second one of idle(), the third one nothing that is compiled."""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return series_of(tmp_path / "repo", SERIES)


def series_of(place: Path, series: tuple[dict[str, str], ...]) -> Plan:
    """A series of these patches, in a repository."""
    repository = Repository(place)
    repository.commit("base", {"k/a.c": BEFORE})
    base = before = repository.tree()
    made = []
    for number, files in enumerate(series, 1):
        repository.commit(f"patch {number}", files)
        after = repository.tree()
        made.append(AppliedPatch(number=number, subject="", tree_before=before, tree_after=after, files=tuple(files)))
        before = after
    return Plan(series="s", version=1, patches=tuple(made), base=Base(name="b", version="6.12", tree=base), states=())


@pytest.fixture
def trees(tmp_path: Path, plan: Plan) -> TreeStore:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(tmp_path / "repo")
    return store


def run_of(plan: Plan, coverage: Coverage | None, *findings: Finding) -> RunResult:
    """A run in which all states came through and the tip keeps a promise."""
    kept = ContractVerdict(id="c", capability="C", advertised=True, holds=True)
    states = tuple(
        StateResult(
            id=f"{name}-{patch.number}",
            scenario=scenario,
            applied=(),
            patch=patch.number,
            tree=None,
            same_as=None,
            outcome=Outcome.OK,
            contracts=(kept,),
            checks=(Check(id="p.one", status=Status.PASS), Check(id="p.two", status=Status.PASS)),
            ending=Ending.DONE,
            coverage=coverage if (name, patch) == ("prefix", plan.patches[-1]) else None,
        )
        for scenario, name in (("prefixes", "prefix"), ("reverts", "without"))
        for patch in plan.patches
    )
    return RunResult(
        series=SeriesSummary(name="s", version=1, patches=plan.patches),
        base=plan.base,
        variant=Variant(label="x86_64", arch="x86_64", toolchain=""),
        accel=TCG,
        states=states,
        findings=findings,
        verdict=Verdict(bisectable=True, revert_safe=True),
    )


def looked(run: RunResult, plan: Plan, trees: TreeStore) -> RunResult:
    """The run once it has been looked at what ran of each patch."""
    found = exercise.per_patch(msgspec.structs.replace(judgement(run), plan=plan), run.arch, trees)
    return msgspec.structs.replace(run, patches=found.patches, verdict=found.verdict, grounds=found.grounds)


SEEN = Coverage(code={"k/a.c": (1, 3, 4, 7, 9)}, ran={"k/a.c": (1, 3, 4)})
GOOD, UNKNOWN = Verdict(bisectable=True, revert_safe=True), Verdict(bisectable=None, revert_safe=None)


def test_the_changed_functions_of_the_tip_are_watched(trees: TreeStore, plan: Plan) -> None:
    watch = Watch.of(trees, plan.base.tree, plan.patches)
    assert watch is not None
    assert watch.spans() == {"k/a.c": ((1, 5), (7, 10)), "k/entry.S": ((1, 1),)}
    assert Watch.of(trees, plan.base.tree, plan.patches[2:3]) is None


def test_each_patch_is_told_by_its_own_lines(trees: TreeStore, plan: Plan) -> None:
    ran, idle, document, assembly = looked(run_of(plan, SEEN), plan, trees).patches
    assert (ran.exercise, ran.lines, ran.lines_ran, ran.verdict) == (Exercise.EXERCISED, 1, 1, GOOD)
    assert [(one.name, one.ran) for one in ran.functions] == [("run", True)]
    assert (idle.exercise, idle.not_run, idle.verdict) == (Exercise.UNEXERCISED, ("k/a.c:9",), UNKNOWN)
    assert [(one.name, one.ran) for one in idle.functions] == [("idle", False)]
    assert (document.exercise, document.verdict) == (Exercise.NO_CODE, GOOD)
    assert assembly.exercise is Exercise.UNKNOWN


def test_a_branch_that_was_not_taken_is_unexercised_though_its_function_ran(trees: TreeStore, plan: Plan) -> None:
    seen = msgspec.structs.replace(SEEN, ran={"k/a.c": (1, 4)})
    told = looked(run_of(plan, seen), plan, trees).patches[0]
    assert (told.exercise, told.not_run) == (Exercise.UNEXERCISED, ("k/a.c:3",))
    assert [(one.name, one.ran) for one in told.functions] == [("run", True)]


def test_a_series_with_an_unexercised_patch_is_not_called_good(trees: TreeStore, plan: Plan) -> None:
    assert looked(run_of(plan, SEEN), plan, trees).verdict == UNKNOWN
    all_ran = msgspec.structs.replace(SEEN, ran=SEEN.code)
    assert looked(run_of(plan, all_ran), plan, trees).verdict == GOOD


def test_what_was_found_stands_whether_the_patch_ran_or_not(trees: TreeStore, plan: Plan) -> None:
    found = Finding(
        kind=FindingKind.SILENT_BREAK,
        state="without-2",
        patch=2,
        partner=1,
        contract="c",
        evidence=of_lines(FindingKind.SILENT_BREAK, "x: fail"),
    )
    run = msgspec.structs.replace(run_of(plan, SEEN, found), verdict=Verdict(bisectable=True, revert_safe=False))
    told = looked(run, plan, trees)
    assert told.verdict == Verdict(bisectable=None, revert_safe=False)
    assert told.patches[1].verdict == Verdict(bisectable=None, revert_safe=False)


@pytest.mark.parametrize(
    "coverage", [None, Coverage(unknown="no line table"), msgspec.structs.replace(SEEN, unknown="kvm")]
)
def test_where_nobody_can_tell_a_patch_is_not_called_unexercised(
    coverage: Coverage | None, trees: TreeStore, plan: Plan
) -> None:
    told = looked(run_of(plan, coverage), plan, trees)
    assert [one.exercise for one in told.patches[:3]] == [Exercise.UNKNOWN, Exercise.UNKNOWN, Exercise.NO_CODE]
    assert told.verdict == GOOD


def test_a_yes_does_not_rest_on_lines_of_which_nobody_knows_whether_they_ran(trees: TreeStore, plan: Plan) -> None:
    """As under KVM, and of a patch in a module or in assembly."""
    nobody = msgspec.structs.replace(SEEN, ran={}, unknown="the accelerator kvm does not tell what runs")
    told = looked(run_of(plan, nobody), plan, trees)
    assert grounds.of_patch(told.patches[0]).endswith("; what of it ran is not known")
    assert grounds.of_run(told).endswith("; what of the series ran is not known")
    assert "0 of" not in grounds.of_run(told) + grounds.of_patch(told.patches[0])
    some = [
        one if one.number > 1 else msgspec.structs.replace(one, exercise=Exercise.EXERCISED) for one in told.patches
    ]
    rests = msgspec.structs.replace(told, patches=tuple(some), grounds=counted.of_run(told.states[-1], tuple(some)))
    end = "; 0 of 1 line of the series ran; of 2 of 4 patches it is not known what ran"
    assert grounds.of_run(rests).endswith(end)


def test_a_yes_beside_a_no_does_not_say_that_nothing_breaks(trees: TreeStore, plan: Plan) -> None:
    broken = Finding(
        kind=FindingKind.REGRESSION,
        state="prefix-4",
        patch=None,
        partner=None,
        contract=None,
        evidence=of_lines(FindingKind.REGRESSION, "x: fail"),
    )
    told = looked(run_of(plan, SEEN, broken), plan, trees)
    told = msgspec.structs.replace(told, verdict=GOOD)
    assert grounds.of_run(told).startswith("2 checks and 1 contract that hold; ")
    tip = msgspec.structs.replace(
        told.states[-1], contracts=(ContractVerdict(id="c", capability="C", advertised=True, holds=False),)
    )
    assert counted.of_run(tip, told.patches).contracts == 0


@pytest.mark.parametrize(("line", "exercise"), [("#if 0", Exercise.LEFT_OUT), ("#ifdef __i386__", Exercise.UNKNOWN)])
def test_the_function_around_what_nobody_compiles_does_not_stand_for_it(
    line: str, exercise: Exercise, tmp_path: Path
) -> None:
    dead = BEFORE.replace("return a;", f"a++;\n{line}\n\ta--;\n#endif\n\treturn a;")
    plan = series_of(tmp_path / "dead", ({"k/a.c": dead}, {"k/a.c": dead.replace("a--", "a -= 2")}))
    store = TreeStore(tmp_path / "dead.git")
    store.add_repository(tmp_path / "dead")
    made = msgspec.structs.replace(MADE, code={"k/a.c": (1, 3, 7)}, ran={"k/a.c": (1, 3, 7)})
    _, told = looked(run_of(plan, made), plan, store).patches
    assert told.exercise is exercise
    if exercise is Exercise.LEFT_OUT:
        assert told.verdict == UNKNOWN
        assert told_of.brief(told) == "an #if leaves out what is changed, whatever is set: k/a.c"
    else:
        assert told.why == "k/a.c:5: an #if asks for more than the configuration"


def test_another_architectures_file_is_left_out_by_no_if(tmp_path: Path) -> None:
    """The patch takes a line out of a function that runs, and adds one to a file of arm64's."""
    arm = {"arch/arm64/kvm/arm.c": "int arm;\n"}
    plan = series_of(tmp_path / "gone", ({"k/a.c": BEFORE.replace("\treturn 0;\n", "")} | arm,))
    store = TreeStore(tmp_path / "gone.git")
    store.add_repository(tmp_path / "gone")
    made = msgspec.structs.replace(MADE, code={"k/a.c": (1, 3, 6)}, ran={"k/a.c": (1, 3, 6)})
    (told,) = looked(run_of(plan, made), plan, store).patches
    assert all(one.arch for one in told.left_out), told.left_out


# --- what no kernel is made of --------------------------------------------------------------------

ELSEWHERE: tuple[dict[str, str], ...] = (
    {"k/a.c": BEFORE.replace("return a;", "a++;\n\treturn a;")},
    {"k/left.c": "#error nobody compiles this\n", "k/Makefile": "obj-y += a.o\nobj-$(CONFIG_LEFT) += left.o\n"},
    {"arch/arm64/kvm/arm.c": "int arm;\n"},
    {"k/Makefile": "obj-y += a.o\n# said\nobj-$(CONFIG_LEFT) += left.o\n"},
    {"k/a.c": BEFORE.replace("return a;", "a++;\n#ifdef CONFIG_OFF\n\ta--;\n#endif\n\treturn a;")},
    {"MAINTAINERS": "nobody\n"},
)
Apart = Callable[..., tuple[Plan, TreeStore]]
MADE = Coverage(code={"k/a.c": (1, 3, 8)}, ran={"k/a.c": (1, 3, 8)}, read=("k/a.c",), options=("ON",))


@pytest.fixture
def apart(tmp_path: Path) -> Apart:
    """Makes a series of those of the patches that are named by their numbers; of all without any."""

    def make(*numbers: int) -> tuple[Plan, TreeStore]:
        place = tmp_path / f"apart{''.join(map(str, numbers))}"
        plan = series_of(place, tuple(ELSEWHERE[number - 1] for number in numbers) or ELSEWHERE)
        store = TreeStore(place.with_suffix(".git"))
        store.add_repository(place)
        return plan, store

    return make


def test_each_kind_of_patch_without_code_in_the_kernel_is_told_apart(apart: Apart) -> None:
    plan, store = apart()
    told = looked(run_of(plan, MADE), plan, store)
    assert [one.exercise for one in told.patches] == [
        Exercise.EXERCISED,
        Exercise.LEFT_OUT,
        Exercise.OTHER_ARCH,
        Exercise.BUILT,
        Exercise.LEFT_OUT,
        Exercise.NO_CODE,
    ]
    assert [one.left_out for one in told.patches] == [
        (),
        (LeftOut(file="k/left.c", options=("LEFT",), makefile="k/Makefile"),),
        (LeftOut(file="arch/arm64/kvm/arm.c", arch="arm64"),),
        (),
        (LeftOut(file="k/a.c", options=("OFF",), makefile="k/a.c"),),
        (),
    ]
    assert [one.verdict for one in told.patches] == [GOOD, UNKNOWN, UNKNOWN, GOOD, UNKNOWN, GOOD]
    assert told.verdict == UNKNOWN


def test_what_the_configuration_leaves_out_is_not_called_safe(apart: Apart) -> None:
    for numbers, verdict in (
        ((2,), UNKNOWN),
        ((1, 2), UNKNOWN),
        ((3,), UNKNOWN),
        ((1, 3), GOOD),
        ((4, 6), GOOD),
        ((5,), UNKNOWN),
    ):
        part, store = apart(*numbers)
        made = msgspec.structs.replace(MADE, code={}, ran={}) if 1 not in numbers else MADE
        assert looked(run_of(part, made), part, store).verdict == verdict, numbers


def test_of_what_went_into_a_module_nobody_says_that_it_did_not_run(apart: Apart) -> None:
    part, store = apart(1)
    loaded = msgspec.structs.replace(MADE, code={}, ran={}, modules=("k/a.c",))
    (told,) = looked(run_of(part, loaded), part, store).patches
    assert (told.exercise, told.why) == (Exercise.UNKNOWN, "k/a.c is in a module, of which nobody sees what runs")
    both = msgspec.structs.replace(MADE, ran={}, modules=("k/a.c",))
    (told,) = looked(run_of(part, both), part, store).patches
    assert told.exercise is Exercise.UNKNOWN, "what is in the kernel, too, may have run in the module"
    (told,) = looked(run_of(part, msgspec.structs.replace(both, ran=MADE.ran)), part, store).patches
    assert told.exercise is Exercise.EXERCISED


def test_of_an_option_that_is_a_module_nothing_is_called_left_out(apart: Apart) -> None:
    part, store = apart(2, 5)
    made = msgspec.structs.replace(MADE, options=("ON", "OFF_MODULE", "LEFT_MODULE"))
    told = looked(run_of(part, made), part, store).patches
    assert [[one.options for one in patch.left_out] for patch in told] == [[()], []], "that it was not read is known"


def test_a_tip_tells_which_of_its_files_went_into_a_module(apart: Apart) -> None:
    part, store = apart(1, 2)
    watch = Watch(store, part.base.tree, part.patches[-1].tree_after)
    notes = {"k/a.c": {"k/.a.o.cmd"}, "k/left.c": {"k/.left.o.cmd"}}
    made = watch.made_of(lambda path: notes.get(path, set()), "CONFIG_A=y\nCONFIG_B=m\n", {"k/.left.o.cmd"})
    noted = made.noted(Coverage())
    assert noted.options == ("A", "B_MODULE")
    assert (noted.read, noted.modules) == (("k/a.c", "k/left.c"), ("k/left.c",))
    none = watch.made_of(lambda path: notes.get(path, set()), "CONFIG_A=y\n").noted(Coverage())
    assert none.modules is msgspec.UNSET and b"modules" not in msgspec.json.encode(none)


def test_what_may_run_what_did_not_is_looked_for_in_the_tips_tree(tmp_path: Path) -> None:
    tests = "tools/testing/selftests/k"
    files = {f"{tests}/Makefile": "", f"{tests}/b.c": "int main(void)\n{\n}\n"}
    plan = series_of(tmp_path / "beside", (*ELSEWHERE[:2], files))
    store = TreeStore(tmp_path / "beside.git")
    store.add_repository(tmp_path / "beside")
    way = (Way(what="--selftest k:b", where="the series changes it"), Way(what="--selftest k:TEST", where=tests))
    unseen = looked(run_of(plan, msgspec.structs.replace(MADE, ran={})), plan, store).patches
    assert [one.ways for one in unseen] == [way, way, ()], "the second is left out by an option that is known"
    seen = looked(run_of(plan, MADE), plan, store).patches
    assert [one.ways for one in seen] == [(), way, ()]


def test_each_yes_says_what_it_rests_on(apart: Apart) -> None:
    part, store = apart(1, 3)
    told = looked(run_of(part, MADE), part, store)
    assert told.grounds == Grounds(contracts=1, checks=2, lines=1, lines_ran=1, other_arch=1)
    words = "nothing was seen to break in 2 checks and 1 contract; 1 of 1 line of"
    assert grounds.of_run(told).startswith(f"{words} the series ran; of 1 of 2 patches, for another architecture")
    assert grounds.of_patch(told.patches[0]) == f"{words} it ran"
    assert grounds.of_patch(told.patches[1]) == "", "it has no verdict"


def test_a_tip_that_is_another_states_kernel_has_come_to_run(apart: Apart) -> None:
    plan, store = apart()
    run = run_of(plan, None)
    states = tuple(msgspec.structs.replace(one, built_as="base") for one in run.states)
    for which, why in ((run.states, "nobody has watched"), (states, "changes nothing in the kernel")):
        told = looked(msgspec.structs.replace(run, states=which), plan, store)
        assert why in told.patches[0].why
    dead = tuple(msgspec.structs.replace(one, outcome=Outcome.BOOT_FAILED) for one in run.states)
    told = looked(msgspec.structs.replace(run, states=dead), plan, store)
    assert told.patches[0].why == "the tip did not come to run"


def test_a_strict_run_exits_1_where_something_is_not_judged(apart: Apart) -> None:
    for numbers, status in (((1, 6), 0), ((2,), 1)):
        part, store = apart(*numbers)
        run = looked(run_of(part, MADE), part, store)
        assert session.exit_status(run) == 0
        strict = msgspec.structs.replace(run, strict=True)
        assert session.exit_status(strict) == status
        document = ElementTree.fromstring(junit.render(strict, Path()))
        assert [len(list(case)) for case in document.iter("testcase") if case.get("classname") == "verdict"] == [1, 1]
        assert len(list(document.iter("failure"))) == 2 * status
        lenient = ElementTree.fromstring(junit.render(run, Path()))
        assert not list(lenient.iter("failure"))
        why = "left out by the configuration: CONFIG_LEFT (k/Makefile)"
        assert (why in text.render(run)) is bool(status)
        assert (why in html.render(run, Path())) is bool(status)
        assert ("rests on this: nothing was seen to break in 2 checks" in text.render(run)) is not bool(status)
        assert ("rests on this: nothing was seen to break in 2 checks" in html.render(run, Path())) is not bool(status)


async def test_a_line_table_of_any_length_is_read_and_none_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "vmlinux"
    wanted = {"virt/kvm/kvm_main.c": ((131, 131),)}

    def says(*printed: str) -> None:
        async def stream(argv: Sequence[str | Path], kernel: Path) -> AsyncGenerator[str]:
            for line in printed:
                yield line

        monkeypatch.setattr(binutils, "stream", stream)

    monkeypatch.setattr(binutils, "_MOST", 100)
    says(*TABLE)
    found = await linetable.read(kernel, archs.get("x86_64"), wanted)
    assert found is not None and [one.line for one in found] == [131]
    says("File: vmlinux", "")
    assert await linetable.read(kernel, archs.get("x86_64"), wanted) is None
    monkeypatch.setattr(linetable, "_MOST", 0)
    says(*TABLE)
    with pytest.raises(binutils.UnreadError):
        await linetable.read(kernel, archs.get("x86_64"), wanted)


async def test_a_tool_that_fails_or_hangs_has_not_told_that_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "vmlinux"
    place.touch()
    assert [line async for line in binutils.stream(["seq", "3"], place)] == ["1", "2", "3"]
    with pytest.raises(binutils.UnreadError, match="status 1"):
        _ = [line async for line in binutils.stream(["false"], place)]
    monkeypatch.setattr(binutils, "_STREAM_SECONDS", 0.5)
    with pytest.raises(binutils.UnreadError, match="still at it"):
        _ = [line async for line in binutils.stream(["sleep", "60"], place)]


def test_a_patch_whose_lines_have_all_gone_is_told_by_its_function(trees: TreeStore, plan: Plan) -> None:
    back = msgspec.structs.replace(
        plan.patches[0], number=2, tree_before=plan.patches[0].tree_after, tree_after=plan.base.tree
    )
    undone = msgspec.structs.replace(plan, patches=(plan.patches[0], back))
    coverage = Coverage(code={"k/a.c": (1, 3, 4)}, ran={"k/a.c": (1,)})
    told = looked(run_of(undone, coverage), undone, trees).patches
    assert [(one.exercise, one.lines) for one in told] == [(Exercise.EXERCISED, 0)] * 2
