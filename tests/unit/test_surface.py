# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel shows to user space: how lists of names are read, which of them stand, and what is told of new ones."""

import asyncio
import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from kseries.guest import repeat, surfaces
from kseries.host import paths
from kseries.judge import promises, surface
from kseries.judge.surface import How
from kseries.model import Boot, Check, Contract, Ending, Observation, Outcome, Probe, StateResult, Status
from kseries.model.surface import PROBE, SurfaceKind
from kseries.probes import ktap, listings
from kseries.report import html, text
from tests.support.promised import Ask, Feature, World
from tests.support.runs import contract, hostile, run, state

Listed = Mapping[str, tuple[str, ...]]
FINE = ("# surface sysctl kernel/b kernel/a", "# surface sysctl kernel/c", "# listed sysctl 3", "ok 1 sysctls_listed")


def report(*lines: str, name: str = PROBE) -> ktap.Report:
    """What comes of a probe that prints these lines, and ends well."""
    printed = (f"    {line}\n" for line in (f"# Subtest: {name}", *lines))
    return ktap.parse(f"KTAP version 1\n1..1\n{''.join(printed)}ok 1 {name}\n")


def failed(told: ktap.Report) -> dict[str, str]:
    return {check.id: check.detail for check in told.checks if check.status is Status.FAIL}


# --- lists that a probe prints ------------------------------------------------------------------


def test_a_list_with_its_end_is_known_and_sorted() -> None:
    told = report(*FINE, "# listed filesystem 0")
    assert told.surface == {"sysctl": ("kernel/a", "kernel/b", "kernel/c"), "filesystem": ()}
    assert [(check.id, check.status, check.detail) for check in told.checks] == [
        ("surface.sysctls_listed", Status.PASS, "")
    ]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (FINE[:2], "its list has no end"),
        (FINE[1:], "1 names of it came, and 3 were told"),
        ((*FINE, "# surface sysctl late"), "it is listed twice"),
        ((*FINE, *FINE), "it is listed twice"),
        (("# surface sysctl a b\ufffd", "# listed sysctl 2"), "0 names of it came, and 2 were told"),
        (("# surface sysctl " + "x" * 300, "# listed sysctl 1"), "0 names of it came, and 1 were told"),
        (("# surface sysctl a a", "# listed sysctl 2"), "1 names of it came, and 2 were told"),
    ],
)
def test_a_list_that_is_not_whole_is_not_known_and_told_of(lines: tuple[str, ...], why: str) -> None:
    told = report(*lines, "# surface proc self", "# listed proc 1")
    assert told.surface == {"proc": ("self",)}
    assert failed(told) == {"surface.list_of_sysctl": why}


def test_a_kind_that_nobody_knows_is_told_of_and_costs_no_other() -> None:
    told = report(*FINE, "# surface moon a", "# listed moon 1", "# listed sun 0")
    assert [*told.surface] == ["sysctl"]
    assert failed(told) == {"surface.list_of_unknown": "there is no kind moon"}


def test_a_flood_is_cut_and_told_of() -> None:
    lines = [f"# surface sysctl {' '.join(f'{n}/{m}' for m in range(100))}" for n in range(200)]
    told = report(*lines, "# listed sysctl 20000", "# surface proc self", "# listed proc 1")
    assert told.surface == {"proc": ("self",)}
    (why,) = failed(told).values()
    assert why.startswith("cut: more than 4096 names")


def test_kinds_that_are_too_much_together_are_cut_too() -> None:
    kinds = [kind.value for kind in SurfaceKind][:8]
    lines = [
        f"# surface {kind} " + " ".join(f"{n:04}" for n in range(m, m + 1000))
        for kind in kinds
        for m in range(0, 4000, 1000)
    ]
    told = report(*lines, *(f"# listed {kind} 4000" for kind in kinds))
    assert sum(map(len, told.surface.values())) <= listings.MAX_IN_ALL
    assert failed(told).keys() == {f"surface.list_of_{kind}" for kind in kinds if kind not in told.surface} != set()


def test_no_other_probe_tells_of_the_surface() -> None:
    told = report(*FINE, name="mine")
    assert told.surface == {}
    assert "kernel/b" in told.checks[0].detail or told.checks[0].status is Status.PASS


def test_a_machine_that_dies_leaves_what_was_closed() -> None:
    whole = "KTAP version 1\n1..1\n    # Subtest: surface\n" + "".join(f"    {line}\n" for line in FINE)
    assert ktap.parse(whole + "    # surface proc self\n").surface.keys() == {"sysctl"}


LINES = st.one_of(
    st.sampled_from(FINE),
    st.builds(
        "# {} {} {}".format,
        st.sampled_from(["surface", "listed"]),
        st.one_of(st.sampled_from([*SurfaceKind, "moon"]), hostile),
        st.one_of(st.integers(0, 9).map(str), hostile),
    ),
    hostile,
)


@given(st.lists(LINES, max_size=30))
def test_whatever_a_guest_prints_names_are_words_and_kinds_are_known(lines: list[str]) -> None:
    told = report(*lines)
    assert told.surface.keys() <= {kind.value for kind in SurfaceKind}
    for names in told.surface.values():
        assert list(names) == sorted(set(names))
        assert all(name.isascii() and name.isprintable() and " " not in name for name in names)


# --- boots ------------------------------------------------------------------------------------


def boot(shown: Listed, outcome: Outcome = Outcome.OK, **more: Any) -> Boot:
    ending = Ending.DONE if outcome is Outcome.OK else Ending.PANIC
    given: dict[str, Any] = {"seconds": 1.0, "seconds_to_first_check": None, "caps": {}, "checks": (), "console": ""}
    return Boot(**{"outcome": outcome, "ending": ending, "detail": "why", "surface": shown, **given, **more})


def test_what_one_boot_shows_alone_is_left_out_and_known() -> None:
    both = surfaces.agreed([boot({"device": ("a", "b", "c")}), boot({}), boot({"device": ("b", "c", "d")})])
    assert both == surfaces.Agreed({"device": ("b", "c")}, {"device": ("a", "d")})


def test_a_kind_that_one_boot_has_not_listed_is_not_known() -> None:
    both = surfaces.agreed([boot({"device": ("a",), "proc": ("self",)}), boot({"proc": ("self",)})])
    assert both == surfaces.Agreed({"proc": ("self",)}, {})


def test_what_was_unstable_stays_so_in_boots_that_agree() -> None:
    one = boot({"device": ("a",)}, unstable={"device": ("x",)})
    assert surfaces.agreed([one, one]).unstable == {"device": ("x",)}


def test_boots_that_are_repeated_agree_on_what_is_shown() -> None:
    settled = repeat.settled([boot({"device": ("a", "b")}), boot({"device": ("a", "c")})]).boot
    assert (settled.surface, settled.unstable) == ({"device": ("a",)}, {"device": ("b", "c")})


def confirmed(tmp_path: Path, first: Boot, second: Boot) -> tuple[Boot, list[tuple[str, ...]]]:
    asked: list[tuple[str, ...]] = []

    async def boot_once(probes: tuple[Probe, ...], log: Path) -> Boot:
        asked.append(tuple(one.name for one in probes))
        log.write_text("the second log")
        return second

    log = tmp_path / "console.log"
    log.write_text("the first log\n")
    return asyncio.run(surfaces.confirmed(boot_once, first, log)), asked


def test_a_second_boot_runs_the_probe_that_lists_and_no_other(tmp_path: Path) -> None:
    passed = (Check(id="a.b", status=Status.PASS),)
    whole, asked = confirmed(tmp_path, boot({"proc": ("a", "b")}, checks=passed), boot({"proc": ("b", "c")}))
    assert asked == [("surface",)]
    assert (whole.surface, whole.unstable, whole.checks) == ({"proc": ("b",)}, {"proc": ("a", "c")}, passed)
    assert (tmp_path / "console.log").read_text().endswith("a second boot, for what the kernel shows\nthe second log")
    assert [one.name for one in tmp_path.iterdir()] == ["console.log"]


def test_where_nothing_was_listed_nothing_is_booted_again(tmp_path: Path) -> None:
    whole, asked = confirmed(tmp_path, boot({}), boot({"proc": ("a",)}))
    assert (whole, asked) == (boot({}), [])


@pytest.mark.parametrize("second", [boot({}), boot({}, Outcome.CRASHED)], ids=["silent", "crashed"])
def test_a_second_boot_that_tells_nothing_is_told_of_and_nothing_is_known(tmp_path: Path, second: Boot) -> None:
    whole, _ = confirmed(tmp_path, boot({"proc": ("a",)}), second)
    assert (whole.surface, whole.unstable) == ({}, {})
    assert [(check.id, check.status) for check in whole.checks] == [("surface.second_boot", Status.MISSING)]


def test_of_a_kernel_that_nobody_asked_nothing_is_written() -> None:
    assert b"surface" not in msgspec.json.encode(Observation(tree="t", outcome=Outcome.OK))
    assert b"unstable" not in msgspec.json.encode(state("base"))


# --- from base to the tip -----------------------------------------------------------------------


def shown(name: str, patch: int | None, listed: Listed | None, **more: Any) -> StateResult:
    return state(name, patch, surface=UNSET if listed is None else dict(listed), **more)


def compared(*listed: Listed | None, **more: Any) -> surface.Surface | None:
    """Of base and as many prefixes."""
    base, *prefixes = listed
    states = [shown(f"prefix-{number}", number, one) for number, one in enumerate(prefixes, 1)]
    return surface.of([shown("base", None, base, **more), *states])


def only(found: surface.Surface | None) -> surface.Change:
    assert found is not None
    (change,) = found.changes
    return change


def test_a_name_that_all_show_is_no_change() -> None:
    found = compared({"proc": ("a", "b")}, {"proc": ("a", "b")})
    assert found == surface.Surface(2, (), (), ())


def test_a_new_name_is_told_with_the_first_prefix_that_shows_it() -> None:
    change = only(compared({"proc": ()}, {"proc": ()}, {"proc": ("a",)}, {"proc": ("a",)}))
    assert (change.kind, change.name, change.how, change.since, change.known) == ("proc", "a", How.NEW, 2, 1)


def test_a_name_that_is_taken_is_told_likewise() -> None:
    change = only(compared({"proc": ("a",)}, {"proc": ()}, {"proc": ()}))
    assert (change.how, change.since, change.known, change.otherwise) == (How.GONE, 1, 0, ())


def test_prefixes_that_listed_nothing_leave_open_which_it_was() -> None:
    change = only(compared({"proc": ()}, None, {"sysctl": ("s",)}, {"proc": ("a",)}))
    assert (change.since, change.known) == (3, 0)


def test_a_name_that_comes_and_goes_and_comes_is_told_so() -> None:
    change = only(compared({"proc": ()}, {"proc": ("a",)}, {"proc": ()}, {"proc": ("a",)}))
    assert (change.since, change.otherwise) == (1, (2,))


def test_a_number_that_is_another_is_a_change_and_no_new_name() -> None:
    change = only(compared({"uapi": ("KVM_CAP_X=5",)}, {"uapi": ("KVM_CAP_X=6",)}))
    assert (change.how, change.name, change.before, change.after) == (How.CHANGED, "KVM_CAP_X", "5", "6")


def test_an_equals_sign_elsewhere_is_part_of_the_name() -> None:
    assert only(compared({"proc": ()}, {"proc": ("a=b",)})).name == "a=b"


def test_what_any_boot_disagreed_on_is_left_out_and_named() -> None:
    found = compared({"proc": ("b",)}, {"proc": ("a", "b")}, unstable={"proc": ("a",)})
    assert found is not None and (found.changes, found.unstable) == ((), (("proc", "a"),))


@pytest.mark.parametrize("listed", [(None, {"proc": ("a",)}), ({"proc": ("a",)}, None), ({}, {}), ({"proc": ("a",)},)])
def test_without_base_or_tip_nothing_is_compared(listed: tuple[Listed | None, ...]) -> None:
    assert compared(*listed) is None


def test_a_kind_that_only_one_has_listed_is_neither_new_nor_gone() -> None:
    found = compared({"proc": ("a",), "sysctl": ("s",)}, {"proc": ("a",), "device": ("d",)})
    assert found is not None and (found.changes, found.unlisted) == ((), ("device", "sysctl"))


def test_a_kind_that_the_tip_has_not_listed_is_not_judged_by_an_earlier_prefix() -> None:
    one = {"proc": ("a",), "sysctl": ("s",)}
    found = compared(one, {"proc": ("a",), "sysctl": ()}, {"proc": ("a",)})
    assert found is not None and (found.changes, found.unlisted) == ((), ("sysctl",))


def test_a_flag_and_a_call_have_the_names_that_the_headers_give_them() -> None:
    uapi = ("KVM_MEM_X=8", "KVM_CAP_X=8", "__NR_moon=3")
    tip = {"uapi": uapi, "kvm-flag": ("KVM_SET_USER_MEMORY_REGION2:bit-3", "OTHER:bit-3"), "syscall": ("3", "4")}
    found = compared({"uapi": uapi, "kvm-flag": (), "syscall": ()}, tip)
    assert found is not None
    assert [one.called for one in found.changes] == ["KVM_MEM_X", "", "__NR_moon", ""]


def test_a_state_that_is_another_ones_shows_what_that_one_shows() -> None:
    one = shown("prefix-1", 1, {"proc": ("a",)})
    same = shown("prefix-2", 2, None, same_as="prefix-1")
    assert only(surface.of([shown("base", None, {"proc": ()}), one, same])).since == 1


@pytest.mark.parametrize("name", ["KVM_CAP_USERFAULT", "kernel/a.b", 'x"\\'])
def test_the_skeleton_of_a_contract_is_one(name: str) -> None:
    made = msgspec.convert(tomllib.loads(surface.skeleton(name)), Contract)
    assert "." not in made.when and made.id and name in made.title
    assert made.when == name or not name.startswith("KVM")


def test_nothing_is_inferred_of_whether_a_list_came_whole() -> None:
    """A kind that is empty before a patch is one whose check fails there: that belongs to no promise."""
    ask = Ask(frozenset())
    world = World(2, (Feature("CAP_A", frozenset({1}), {"surface.procs_listed": ask, "a.works": ask}),))
    (promise,) = promises.infer(tuple(world.results.values()), "prefix-2")
    assert promise.checks == ("a.works",)


# --- in words -----------------------------------------------------------------------------------


BASE: Listed = {
    "uapi": ("KVM_CAP_OLD=1",),
    "kvm-cap": ("KVM_CAP_OLD",),
    "kvm-vm-cap": ("KVM_CAP_OLD",),
    "sysctl": ("a",),
}
NAMED = {**BASE} | {"uapi": ("KVM_CAP_FEATURE=2", "KVM_CAP_OLD=1")}
GIVEN = {**NAMED} | {"kvm-cap": ("KVM_CAP_FEATURE", "KVM_CAP_OLD"), "kvm-vm-cap": ("KVM_CAP_FEATURE", "KVM_CAP_OLD")}


def told(*listed: Listed | None, **more: Any) -> str:
    base, first, tip = listed
    return text.render(
        run(shown("base", None, base), shown("prefix-1", 1, first), shown("prefix-2", 2, tip, applied=(1, 2), **more))
    )


def test_a_new_capability_without_a_contract_is_told_with_the_skeleton_of_one() -> None:
    report_of = told(BASE, BASE, GIVEN)
    assert "KVM_CAP_FEATURE is new from 2/2 on; no contract says what it promises\n" in report_of
    assert 'when = "KVM_CAP_FEATURE"' in report_of


def test_headers_that_come_before_it_are_told_too() -> None:
    assert "KVM_CAP_FEATURE is new from 2/2 on (in the headers from 1/2 on); no" in told(BASE, NAMED, GIVEN)


def test_a_name_of_the_headers_is_told_though_no_kernel_advertises_it() -> None:
    said = "KVM_CAP_FEATURE is new in the headers from 1/2 on: the kernel does not advertise it; no contract says"
    assert said in told(BASE, NAMED, NAMED)


def test_a_contract_on_it_is_named_and_no_other_begun() -> None:
    report_of = told(BASE, BASE, GIVEN, contracts=(contract(),))
    assert "KVM_CAP_FEATURE is new from 2/2 on; the contract feature says what it promises\n" in report_of
    assert "when =" not in report_of


def test_what_else_is_new_or_gone_is_told_by_its_kind() -> None:
    report_of = told(BASE, {**BASE} | {"sysctl": ("b", "c")}, {**BASE} | {"sysctl": ("b", "c")})
    assert "new from 1/2 on, below /proc/sys: b, c\n" in report_of
    assert "gone from 1/2 on, below /proc/sys: a\n" in report_of


def test_what_came_with_an_earlier_patch_is_told_first() -> None:
    report_of = told(BASE, {**BASE} | {"sysctl": ("a", "b")}, {**BASE} | {"sysctl": ("a", "b"), "uapi": ()})
    assert report_of.index("new from 1/2 on, below /proc/sys: b") < report_of.index("gone from 2/2 on, in the headers")


def test_a_series_that_changes_nothing_of_it_is_told_so_in_a_line() -> None:
    assert "What the kernel shows to user space (4 names listed on the tip): no change\n" in told(BASE, BASE, BASE)


def test_a_run_that_listed_nothing_says_nothing_of_it() -> None:
    assert "shows to user space" not in told(None, None, None)


def test_a_tip_that_listed_nothing_is_not_compared() -> None:
    assert "not compared: base or the tip has not listed it" in told(BASE, BASE, None)


def test_html_has_it_where_there_is_a_list(tmp_path: Path) -> None:
    page = html.render(run(shown("base", None, BASE), shown("prefix-2", 2, GIVEN, applied=(1, 2))), tmp_path)
    assert 'id="surface"' in page and "KVM_CAP_FEATURE is new" in page
    assert 'id="surface"' not in html.render(run(state("base"), state("prefix-2", 2, applied=(1, 2))), tmp_path)


@given(st.dictionaries(st.sampled_from([*SurfaceKind, "moon"]), st.lists(hostile, max_size=4).map(tuple)))
def test_hostile_names_break_no_report(listed: Listed) -> None:
    report_of = told(dict.fromkeys(listed, ()), BASE, listed)
    assert "\x1b" not in report_of


# --- the guest's side ---------------------------------------------------------------------------


_PROGRAM = """
#include "ktap.h"
#include "listing.h"
static void listed(void)
{{
	struct listing listing = {{ .kind = "proc" }};
	{body}
	listing_tell(&listing);
}}
static const struct check checks[] = {{ {{ "listed", listed }} }};
int main(void) {{ return ktap_main("surface", checks, 1, 0); }}
"""


def _printed(tmp_path: Path, body: str) -> ktap.Report:
    """What a program that lists names prints, as it is read."""
    return _ran(tmp_path, _PROGRAM.format(body=body))


def _built(tmp_path: Path, source: str) -> Path:
    """A program of such a source."""
    (tmp_path / "lists.c").write_text(source)
    out = tmp_path / "out"
    words = ["make", "--silent", f"--directory={paths.project('guests')}", f"OUT={out}", "HEADERS=/usr/include"]
    subprocess.run([*words, f"{out}/include/uapi_names.h"], check=True, timeout=120)
    subprocess.run([*words, "PROBES=", f"PROGRAMS={tmp_path}/lists.c", "theirs"], check=True, timeout=120)
    return out / "programs" / "lists"


def _ran(tmp_path: Path, source: str) -> ktap.Report:
    argv = [_built(tmp_path, source)]
    driven = os.environ | {"KTAP_DRIVEN": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=driven)
    return _read(done.stdout)


def _read(printed: str) -> ktap.Report:
    """As init would have passed it on."""
    lines = "".join(f"    {line}\n" for line in printed.removeprefix("KTAP version 1\n").splitlines())
    return ktap.parse(f"KTAP version 1\n1..1\n{lines}ok 1 surface\n")


def test_what_a_guest_lists_is_read_as_it_was_meant(tmp_path: Path) -> None:
    body = r'listing_add(&listing, "b"); listing_add(&listing, "a b\n\xff\\"); listing_add(&listing, "b");'
    body += 'int i; for (i = 0; i < 1000; i++) listing_add(&listing, "name/%d", i);'
    told_of = _printed(tmp_path, body)
    names = {"b", r"a\x20b\x0a\xff\x5c", *(f"name/{number}" for number in range(1000))}
    assert told_of.surface == {"proc": tuple(sorted(names))}
    assert failed(told_of) == {}


def test_a_list_of_what_every_kernel_has_may_not_be_empty(tmp_path: Path) -> None:
    told_of = _printed(tmp_path, "listing_tell_some(&listing);")
    assert failed(told_of) == {"surface.listed": "expected names of the kind proc, got none"}


def _in_an_empty_root(tmp_path: Path, program: Path) -> ktap.Report:
    """In a root of its own, which has folders and next to nothing in them."""
    root = tmp_path / "root"
    for folder in ("proc/sys", "sys/module", "dev"):
        (root / folder).mkdir(parents=True)
    (root / "proc" / "filesystems").touch()
    shutil.copy(program, root / "surface")
    argv = ["bwrap", "--unshare-all", "--ro-bind", str(root), "/", "--setenv", "KTAP_DRIVEN", "1", "/surface"]
    return _read(subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60).stdout)


_EMPTY = {"sysctls": "sysctl", "parameters": "module-parameter", "devices": "device", "filesystems": "filesystem"}


def test_where_there_are_no_files_and_no_kvm_the_probe_says_so_of_each_kind(tmp_path: Path) -> None:
    words = ["make", "--silent", f"--directory={paths.project('guests')}", f"OUT={tmp_path}/out", "PROBES=surface"]
    subprocess.run([*words, "HEADERS=/usr/include"], check=True, timeout=120)
    told_of = _in_an_empty_root(tmp_path, tmp_path / "out" / "probes" / "surface")
    assert failed(told_of) == {
        f"surface.{check}_listed": f"expected names of the kind {kind}, got none" for check, kind in _EMPTY.items()
    }
    skipped = {check.id: check.detail for check in told_of.checks if check.status is Status.SKIP}
    assert skipped == {
        "surface.kvm_caps_listed": "no /dev/kvm: No such file or directory",
        "surface.kvm_flags_listed": "no /dev/kvm: No such file or directory",
        "surface.sys_kernel_listed": "no /sys/kernel: No such file or directory",
    }
    assert told_of.surface["proc"] == ("filesystems", "sys") and told_of.surface["sys-kernel"] == ()
    assert {"kvm-cap", "kvm-flag"} & told_of.surface.keys() == set()
    assert {"0", "1"} <= {*told_of.surface["syscall"]}
    assert any(name.startswith("KVM_CAP_") for name in told_of.surface["uapi"])


_DIRECTORIES_GO = """
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <string.h>
static int goes(const char *root, __nftw_func_t visit, int open, int how)
{{
	static int walks;
	if (!strcmp(root, "/proc") || walks++ < {often})
		return errno = ENOENT, -1;
	return nftw(root, visit, open, how);
}}
#define nftw goes
#include "{probe}"
"""


@pytest.mark.parametrize(("often", "walked"), [(1, True), (2, False)])
def test_directories_that_go_while_they_are_walked_cost_no_list(tmp_path: Path, often: int, walked: bool) -> None:
    """Each walk is tried once more; /proc, where processes end at any time, is not walked at all."""
    source = _DIRECTORIES_GO.format(often=often, probe=paths.project("guests") / "probes" / "surface.c")
    told_of = _in_an_empty_root(tmp_path, _built(tmp_path, source))
    assert told_of.surface["proc"] == ("filesystems", "sys")
    words = failed(told_of)["surface.sysctls_listed"]
    assert words.startswith("expected names of the kind sysctl" if walked else "cannot look into /proc/sys")


_CALLS = """
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ktap.h"
#include "listing.h"
#include "syscalls.h"
static volatile struct {{ int alarms, by, called[SYSCALL_NUMBERS]; }} *seen;
unsigned int alarm(unsigned int seconds)
{{
	{alarm}
	return seconds;
}}
long syscall(long number, ...)
{{
	seen->called[number] = 1;
	{call}
	errno = ENOSYS;
	return -1;
}}
static void listed(void)
{{
	struct listing listing = {{ .kind = "syscall" }};
	static bool there[SYSCALL_NUMBERS];
	int number, pid, status, wait;

	(void)number, (void)pid, (void)status, (void)wait;
	seen = mmap(0, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	{body}
	listing_tell(&listing);
}}
static const struct check checks[] = {{ {{ "listed", listed }} }};
int main(void) {{ return ktap_main("surface", checks, 1, 0); }}
"""
_ALL = "for (number = 0; number < SYSCALL_NUMBERS; number++)"


def _calls(tmp_path: Path, body: str, *, alarm: str = "", call: str = "") -> tuple[str, ...]:
    """What a program lists whose system calls are made up."""
    told_of = _ran(tmp_path, _CALLS.format(body=body, alarm=alarm, call=call))
    assert failed(told_of) == {}
    return told_of.surface["syscall"]


def test_a_host_that_stalls_makes_no_system_call_up(tmp_path: Path) -> None:
    """Each number that is called is late once, be it there (7) or not; one (9) sleeps whenever it is called."""
    body = f'syscalls_find(there); {_ALL} if (there[number]) listing_add(&listing, "%d", number);'
    late = "if (seen->alarms++ % 2 == 0) raise(SIGALRM);"
    call = "if (number == 7) return 0; if (number == 9) raise(SIGALRM);"
    assert _calls(tmp_path, body, alarm=late, call=call) == ("7", "9")


def test_what_leaves_the_group_of_its_probe_is_not_called(tmp_path: Path) -> None:
    body = "syscalls_find(there);"
    body += "".join(
        f'if (seen->called[__NR_{name}]) listing_add(&listing, "{name}");' for name in ("setsid", "setpgid", "getpid")
    )
    assert _calls(tmp_path, body) == ("getpid",)


def test_who_calls_for_a_check_that_is_killed_ends_with_it(tmp_path: Path) -> None:
    body = """
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		syscalls_find(there);
	while (!seen->by)
		usleep(1000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	for (wait = 0; wait < 1000 && waitpid(seen->by, &status, WNOHANG) != seen->by; wait++)
		usleep(10000);
	listing_add(&listing, wait < 1000 ? "ended" : "left");
	kill(seen->by, SIGKILL);"""
    assert _calls(tmp_path, body, call="for (seen->by = getpid(); ; ) pause();") == ("ended",)


def test_a_guest_that_floods_tells_so_and_no_name(tmp_path: Path) -> None:
    told_of = _printed(tmp_path, 'int i; for (i = 0; i < 5000; i++) listing_add(&listing, "%d", i);')
    assert told_of.surface == {}
    assert "cut: more than 4096 names of the kind proc" in failed(told_of)["surface.listed"]


def test_a_very_long_name_is_cut(tmp_path: Path) -> None:
    told_of = _printed(tmp_path, 'listing_add(&listing, "%0700d", 1);')
    assert told_of.surface == {"proc": ("0" * 200 + "...",)}
