# SPDX-License-Identifier: GPL-2.0-only
"""What would run, or compile, code that did not run: told where the source tells it, and never guessed."""

from pathlib import Path, PurePosixPath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.coverage import maintainers, parameters, source
from kseries.coverage.ways import Ways
from kseries.model import ChangedFunction, Exercise, LeftOut, PatchResult, Verdict, Way
from kseries.report import coverage, html, text
from tests.support.runs import run, state

MAINTAINERS = """\
List of maintainers

MEMORY MANAGEMENT
M:	Somebody <somebody@example.com>
F:	include/linux/mm.h
F:	mm/
F:	tools/testing/selftests/mm/

MEMORY CGROUPS
F:	mm/memcontrol.c
F:	mm/*cgroup*
X:	mm/hugetlb_cgroup.c
F:	tools/testing/selftests/cgroup/test_memcontrol.c
F:	tools/testing/selftests/cgroup/test_*.sh

KVM/x86
F:	arch/x86/kvm/
F:	tools/testing/selftests/kvm/x86_64/

NETWORKING [SPLICE]
F:	net/splice/
F:	tools/testing/selftests/scripts/

ALL SELFTESTS
F:	tools/testing/selftests/
"""
PROGRAM = "int main(void)\n{\n\treturn 0;\n}\n"
TESTS = "tools/testing/selftests"
TREE = {
    "MAINTAINERS": MAINTAINERS,
    f"{TESTS}/mm/Makefile": "",
    f"{TESTS}/mm/mremap_test.c": PROGRAM,
    f"{TESTS}/mm/mremap_util.c": "int nothing;\n",
    f"{TESTS}/mm/thp.c": "TEST_HARNESS_MAIN\n",
    f"{TESTS}/mm/uffd-stress.c": PROGRAM,
    f"{TESTS}/mm/uffd_wp.c": PROGRAM,
    f"{TESTS}/cgroup/Makefile": "",
    f"{TESTS}/cgroup/test_memcontrol.c": PROGRAM,
    f"{TESTS}/kvm/Makefile": "",
    f"{TESTS}/kvm/x86_64/state_test.c": PROGRAM,
    f"{TESTS}/splice/Makefile": "",
    f"{TESTS}/splice/short.c": PROGRAM,
    f"{TESTS}/scripts/Makefile": "",
    f"{TESTS}/scripts/run.sh": "",
}


def listed(folder: str) -> tuple[str, ...]:
    paths = (PurePosixPath(path) for path in TREE)
    inside = (path.relative_to(folder).parts[0] for path in paths if path.is_relative_to(folder))
    return tuple(dict.fromkeys(inside))


def ways(changed: tuple[str, ...] = (), ran: tuple[str, ...] = ()) -> Ways:
    return Ways(TREE.get, listed, changed, ran)


def idle(path: str, name: str = "f") -> ChangedFunction:
    return ChangedFunction(name=name, file=path, line=1, ran=False)


MM, CGROUP, KVM = (f"MAINTAINERS, {name}" for name in ("MEMORY MANAGEMENT", "MEMORY CGROUPS", "KVM/x86"))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("mm/mremap.c", [Way(what="--selftest mm:mremap_test", where=MM)]),
        ("mm/uffd.c", [Way(what="--selftest mm:uffd-stress,uffd_wp", where=MM)]),
        ("mm/sub/thp.c", [Way(what="--selftest mm:thp", where=MM)]),
        ("mm/util.c", [Way(what="--selftest mm:TEST", where=MM)]),
        ("mm/memcontrol.c", [Way(what="--selftest cgroup:test_memcontrol", where=CGROUP)]),
        ("mm/cgroup_v1.c", [Way(what="--selftest cgroup:test_memcontrol", where=CGROUP)]),
        ("mm/hugetlb_cgroup.c", [Way(what="--selftest mm:TEST", where=MM)]),
        ("arch/x86/kvm/svm/svm.c", [Way(what="--selftest kvm:x86_64/TEST", where=KVM)]),
        ("fs/splice/read.c", [Way(what="--selftest splice:TEST", where=f"{TESTS}/splice")]),
        ("fs/splice/deeper/read.c", []),
        ("arch/x86/splice/read.c", [Way(what="--selftest splice:TEST", where=f"{TESTS}/splice")]),
        ("drivers/usb/splice/read.c", []),
        ("net/splice/read.c", []),
        ("fs/scripts/read.c", []),
        ("fs/timerfd.c", []),
        ("main.c", []),
    ],
)
def test_a_selftest_is_told_where_the_tree_has_one_for_the_file(path: str, told: list[Way]) -> None:
    assert list(ways().to_run([idle(path)], ())) == told
    assert list(ways().to_run((), [path])) == told


def test_nothing_is_told_where_all_ran() -> None:
    assert ways((f"{TESTS}/mm/thp.c",)).to_run((), ()) == ()


def test_a_test_that_the_series_brings_is_told_first_and_one_that_ran_is_not() -> None:
    changed = (f"{TESTS}/kvm/x86_64/state_test.c", f"{TESTS}/mm/mremap_util.c", f"{TESTS}/mm/gone.c", "fs/timerfd.c")
    brought = Way(what="--selftest kvm:x86_64/state_test", where="the series changes it")
    assert ways(changed).to_run([idle("fs/timerfd.c")], ()) == (brought,)
    assert ways(changed, ran=("kvm.state_test",)).to_run([idle("fs/timerfd.c")], ()) == ()
    left = Way(what="--selftest mm:uffd_wp", where=MM)
    assert ways(ran=("mm.uffd-stress",)).to_run([idle("mm/uffd.c")], ()) == (left,)
    assert ways(ran=("mm.mremap_test",)).to_run([idle("mm/mremap.c")], ()) == ()
    assert ways(ran=("mm.thp",)).to_run([idle("mm/util.c")], ()) == (), "one of that target has run and did not do it"


# --- parameters -----------------------------------------------------------------------------------

SOURCE = """\
static bool loud;
module_param(loud, bool, 0444);
static int wide __read_mostly;
module_param_named(width, wide, int, 0444);
static bool usual = true;
module_param(usual, bool, 0444);
static bool early_on;

static int __init foo_setup(char *str)
{
	early_on = true;
	return 1;
}
__setup("foo=", foo_setup);
early_param("bar", bar_setup);

static void tell(void)
{
}

static void widen(void)
{
}

static void common(void)
{
}

static void early(void)
{
}

static void either(void)
{
}

static void handed(void)
{
}

static void often(void)
{
}

static void otherwise(void)
{
}

void shared(void)
{
}

static int bar_setup(char *str)
{
	return 0;
}

static struct ops ops = { .run = handed };

static int all(int a)
{
	if (loud) {
		a++;
		tell();
	}
	if (a > 1 && wide)
		widen();
	if (usual)
		common();
	if (early_on)
		early();
	if (loud || a)
		either();
	if (loud)
		handed();
	if (loud)
		often();
	often();
	if (loud)
		a++;
	else
		otherwise();
	if (loud)
		shared();
	return a;
}
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("foo_setup", "the boot parameter foo="),
        ("bar_setup", "the boot parameter bar"),
        ("tell", "the module parameter loud, without which nobody calls it"),
        ("widen", "the module parameter width, without which nobody calls it"),
        ("early", "the boot parameter foo=, without which nobody calls it"),
        *((name, None) for name in ("common", "either", "handed", "often", "otherwise", "shared", "all")),
    ],
)
def test_a_parameter_is_told_of_what_runs_for_nothing_else(name: str, told: str | None) -> None:
    assert parameters.of_functions(SOURCE, source.functions(SOURCE), frozenset({name})).get(name) == told


@pytest.mark.parametrize(
    "more",
    [
        "static int probe(void)\n{\n\tif (quirk())\n\t\tearly_on = true;\n\treturn 0;\n}\n",
        "static int store(const char *text)\n{\n\treturn kstrtobool(text, &early_on);\n}\n",
        "static struct ctl_table table[] = {\n\t{ .procname = NAME, .data = &early_on },\n};\n",
        'static int __init too(char *str)\n{\n\tearly_on = true;\n\treturn 1;\n}\n__setup("too", too);\n',
        "static int tick(void)\n{\n\tearly_on++;\n\treturn 0;\n}\n",
        "module_param(early_on, bool, 0444);\n",
    ],
)
def test_a_variable_that_anything_else_may_set_tells_of_no_parameter(more: str) -> None:
    text = SOURCE + more
    assert "early" not in parameters.of_functions(text, source.functions(text), frozenset({"early"}))


def test_a_call_to_which_a_label_leads_is_below_no_condition() -> None:
    text = SOURCE.replace("\t\ta++;\n\t\ttell();\n", "\t\ta++;\nagain:\n\t\ttell();\n")
    assert text != SOURCE
    assert "tell" not in parameters.of_functions(text, source.functions(text), frozenset({"tell"}))


_PIECES = ("if (", "loud", ")", "{", "}", "\n", "\t", "static ", "f(", "module_param(", "= true;")


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_no_source_is_too_broken_to_be_read(given_text: str) -> None:
    parameters.of_functions(given_text, source.functions(given_text), frozenset({"f", "loud"}))
    maintainers.sections(given_text)


# --- the reports ----------------------------------------------------------------------------------


def test_the_reports_say_what_would_compile_it_and_what_may_run_it() -> None:
    patch = PatchResult(
        number=1,
        verdict=Verdict(bisectable=None, revert_safe=None),
        exercise=Exercise.UNEXERCISED,
        functions=(idle("mm/mremap.c", "tell"),),
        left_out=(
            LeftOut(file="k/a.c", options=("ODD", "!EVEN"), makefile="k/Makefile"),
            LeftOut(file="arch/arm64/a.c", arch="arm64"),
        ),
        ways=(
            Way(what="the module parameter loud", where="mm/mremap.c", function="tell"),
            Way(what="--selftest mm:mremap_test", where=MM),
        ),
    )
    told = [
        "to compile it: --config auto, or"
        " --config FRAGMENT with CONFIG_ODD=y, # CONFIG_EVEN is not set and what that depends on",
        "to run tell: the module parameter loud (mm/mremap.c)",
        "to run it, perhaps: --selftest mm:mremap_test (MAINTAINERS, MEMORY MANAGEMENT)",
    ]
    result = run(state("base"), patches=(patch,))
    assert list(coverage.ways(result, patch)) == told
    sought = msgspec.structs.replace(result, words=("x.mbox", "--config", "auto"))
    assert next(coverage.ways(sought, patch)) == told[0].replace("--config auto, or ", "")
    shown = text.render(result).splitlines()
    at = shown.index(f"      {told[0]}")
    assert shown[at : at + 3] == [f"      {one}" for one in told]
    assert shown[at - 1].startswith("  1/1 UNEXERCISED; ") and "--arch arm64" in shown[at - 1]
    page = html.render(result, Path())
    assert all(f'<div class="aside way">{one}</div>' in page for one in told)
