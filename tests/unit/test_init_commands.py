# SPDX-License-Identifier: GPL-2.0-only
"""init and commands of a shell, hostile ones too: each costs itself alone. The userland is this host's /usr."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.kbuild import initramfs
from kseries.model import Check, Origin, Probe, Status
from kseries.probes import commands, ktap, printed

COMET = """\
#include <unistd.h>
int main(void)
{
	for (;;) {
		if (fork() > 0)
			_exit(0);
		setsid();
	}
}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory with init, and room for a userland."""
    out = tmp_path_factory.mktemp("guest") / "root"
    words = ["make", "--silent", f"--directory={paths.project('guests')}", f"OUT={out}", "HEADERS=/usr/include"]
    subprocess.run([*words, str(out / "init")], check=True, timeout=300)
    for folder in ("dev", "proc", "sys", "tmp", "add", "userland"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "add" / "hello").write_text("#!/bin/sh\necho hello\n")
    (out / "add" / "hello").chmod(0o755)
    return out


def command(name: str, text: str, seconds: int = 20) -> Probe:
    return Probe(name=name, argv=("/bin/sh", "-c", text), origin=Origin.COMMAND, seconds=seconds)


def boxed(root: Path, userland: tuple[str, ...]) -> list[str]:
    """init as PID 1 and as root of a namespace, as it is in a guest."""
    box = ["bwrap", "--unshare-user", "--unshare-pid", "--as-pid-1", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
    box += ["--die-with-parent", "--bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", *userland]
    return [*box, "--", "/init"]


def there() -> tuple[str, ...]:
    """A userland that is mounted: programs, and what the kernel shows."""
    words = ["--tmpfs", "/userland", "--dir", "/userland/tmp", "--dir", "/userland/run", "--ro-bind", "/usr"]
    words += ["/userland/usr", "--dev", "/userland/dev", "--proc", "/userland/proc"]
    for name in ("bin", "lib", "lib64"):
        words += ["--symlink", f"usr/{name}", f"/userland/{name}"] if Path("/", name).exists() else []
    return tuple(words)


def report(root: Path, *probes: Probe, userland: tuple[str, ...] | None = None) -> ktap.Report:
    return ktap.parse(said(root, *probes, userland=userland))


def said(root: Path, *probes: Probe, userland: tuple[str, ...] | None = None) -> str:
    """All that init says, up to the line that it ends with."""
    (root / "probes.list").write_text(initramfs.told(probes, 60))
    lines = []
    argv = boxed(root, there() if userland is None else userland)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, errors="replace") as running:
        assert running.stdout is not None
        for line in running.stdout:
            lines.append(line)
            if line.rstrip() == ktap.END:
                running.kill()
                break
    return "".join(lines)


def statuses(told: ktap.Report) -> dict[str, Status]:
    return {check.id: check.status for check in told.checks}


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        ("true", Status.PASS, ""),
        ("exit 4", Status.SKIP, "exit status 4"),
        ("echo why; exit 3", Status.FAIL, "why\nexit status 3"),
        ("kill -SEGV $$", Status.FAIL, "killed by signal 11"),
        ("./hello | grep -q hello", Status.PASS, ""),
        ("test $PWD = /add && test -e /usr/bin/env && ! test -e /init", Status.PASS, ""),
        ("! touch /add/new 2>/dev/null", Status.PASS, ""),
        ("unshare --user --map-root-user --net --pid --fork true", Status.PASS, ""),
        ("no-such-program", Status.FAIL, "/bin/sh: 1: no-such-program: not found\nexit status 127"),
    ],
)
def test_what_a_command_exits_with_is_a_check(text: str, status: Status, detail: str, root: Path) -> None:
    found = report(root, command("it", text)).checks
    assert found == (Check(id="it.exit_status", status=status, detail=detail),)


@pytest.mark.parametrize("merged", [True, False], ids=["a link", "a folder"])
def test_a_command_finds_the_kernels_modules_whatever_its_lib_is(merged: bool, root: Path) -> None:
    top = root / "lib" / "modules"
    (top / "6.12").mkdir(parents=True)
    (top / "6.12" / "modules.dep").write_text("kernel/x.ko:\n")
    libraries = "/usr/lib" if merged else "/lib"
    words = ["--tmpfs", "/userland", "--dir", "/userland/tmp", "--dir", "/userland/run"]
    words += ["--ro-bind", "/usr/bin", "/userland/bin", "--ro-bind", "/usr/lib64", "/userland/lib64"]
    words += [*(("--symlink", "/usr/lib", "/userland/lib") if merged else ())]
    for place in Path("/usr/lib").glob("*-linux-gnu*"):
        words += ["--ro-bind", str(place), f"/userland{libraries}/{place.name}"]
    try:
        told = report(
            root,
            command("reads", "grep -q x.ko /lib/modules/6.12/modules.dep"),
            command("writes", "! touch /lib/modules/6.12/new 2>/dev/null"),
            userland=tuple(words),
        )
    finally:
        shutil.rmtree(root / "lib")
    assert statuses(told) == {"reads.exit_status": Status.PASS, "writes.exit_status": Status.PASS}, told


def test_where_the_kernel_wants_a_module_the_userlands_modprobe_loads_it(root: Path, tmp_path: Path) -> None:
    modprobe = tmp_path / "modprobe"
    modprobe.write_text('#!/bin/sh\necho "$0 $@ in $PWD"; test ! -e /init\n')
    modprobe.chmod(0o755)
    (root / "sbin").mkdir()
    (root / "sbin" / "modprobe").symlink_to("/init")
    words = (*there(), "--dir", "/userland/sbin", "--ro-bind", str(modprobe), "/userland/sbin/modprobe")
    argv = [word for word in boxed(root, words)[:-1] if word != "--as-pid-1"]
    try:
        done = subprocess.run(
            [*argv, "/sbin/modprobe", "-q", "--", "dummy"], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        shutil.rmtree(root / "sbin")
    assert (done.returncode, done.stdout) == (0, "/sbin/modprobe -q -- dummy in /\n"), done.stderr


@pytest.mark.parametrize(
    ("needs", "status", "detail"),
    [
        ((), Status.PASS, ""),
        (("sh", "env"), Status.PASS, ""),
        (("sh", "no-such", "env"), Status.SKIP, "it needs no-such, which is not there\nexit status 4"),
        (("package:no-such",), Status.SKIP, "it needs package:no-such, which is not there\nexit status 4"),
        (("package:coreutils",), Status.PASS, ""),
        (("CONFIG_NO",), Status.SKIP, "it needs CONFIG_NO, which is not there\nexit status 4"),
    ],
)
def test_a_command_whose_needs_are_not_there_is_skipped_and_says_so(
    needs: tuple[str, ...], status: Status, detail: str, root: Path
) -> None:
    (probe,) = commands.probes([commands.Run(name="it", command="test \"$(echo 'a  b')\" = 'a  b'", needs=needs)], ())
    assert report(root, probe).checks == (Check(id="it.exit_status", status=status, detail=detail),)


def test_what_a_command_prints_is_told_apart_from_what_others_print(root: Path) -> None:
    text = said(
        root, command("one", "echo a; echo '# Subtest: two'; echo 'not ok 1 x'"), command("two", "echo b; exit 4")
    )
    found = printed.of(text, ("one", "two"))
    assert found["one"].startswith("a\n# # Subtest: two\nnot ok 1 x\n")
    assert found["two"].startswith("b\n") and "SKIP exit status 4" in found["two"]
    assert "echo" not in printed.log(found) and printed.log(found).index("--- one") == 0
    assert list(printed.of(text, ("two",))) == ["two"]
    assert printed.log({}) == ""


def test_what_a_command_prints_behind_a_carriage_return_is_not_lost() -> None:
    text = "    # Subtest: one\n     10%\r100%\n    a\rok 1 b\n    c\x0cd\r\nnot ok 1 one # exit status 1\n    e\n"
    assert printed.of(text, ("one",)) == {"one": " 10%\r100%\na\rok 1 b\nc\x0cd\r\n"}


def test_results_that_a_command_prints_are_checks(root: Path) -> None:
    text = "echo 'TAP version 13'; echo 1..2; echo 'ok 1 one'; echo 'not ok 2 two'"
    assert statuses(report(root, command("it", text))) == {
        "it.one": Status.PASS,
        "it.two": Status.FAIL,
        "it.exit_status": Status.PASS,
    }


def test_where_no_userland_is_mounted_no_command_passes(root: Path) -> None:
    (empty,) = report(root, command("it", "true"), userland=()).checks
    assert empty.status is Status.FAIL and "there is no userland: /userland: Invalid argument" in empty.detail
    (root / "userland" / "add").rmdir()
    (root / "userland").rmdir()
    try:
        (none,) = report(root, command("it", "true"), userland=()).checks
    finally:
        (root / "userland").mkdir()
    assert none.status is Status.FAIL
    assert "there is no userland: /userland: No such file or directory" in none.detail


HOSTILE = {
    "kills all": "kill -9 -1; exit 1",
    "kills init": "kill -9 1; kill -TERM 1; exit 1",
    "closes its output": "exec >&- 2>&-; sleep 0.1; exit 1",
    "stops itself": "kill -STOP $$",
    "leaves its session": "setsid sh -c 'while :; do echo still here; sleep 0.1; done' & exit 1",
    "a crowd": "for i in $(seq 40); do setsid sleep 600 & done; exit 1",
    "holds the pipe": "setsid sleep 600 & exit 1",
    "comets": "/add/comet & /add/comet & exit 1",
    "fills /tmp": "dd if=/dev/zero of=/tmp/full bs=1M count=8 2>/dev/null; exit 1",
    "mounts": "mount -t tmpfs none /usr; exit 1",
}


@pytest.fixture(scope="module")
def armed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("src") / "comet.c"
    source.write_text(COMET)
    subprocess.run(["gcc", "-static", "-O2", "-o", root / "add" / "comet", source], check=True, timeout=120)
    return root


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_command_costs_itself_alone(what: str, armed: Path) -> None:
    """The next finds no process but its own and init's, its /tmp empty, its programs in place."""
    alone = 'set -- /proc/[0-9]*; test $# -eq 2 && test -z "$(ls -A /tmp)" && test -e /usr/bin/env'
    told = report(
        armed, command("bad", HOSTILE[what], seconds=2), command("next", f"{alone} || {{ echo $*; exit 1; }}")
    )
    assert statuses(told) == {"bad.exit_status": Status.FAIL, "next.exit_status": Status.PASS}, told.checks


def test_of_a_flood_a_part_is_passed_on_and_the_rest_is_told_to_be_missing(root: Path) -> None:
    told = report(root, command("flood", "yes fine", seconds=2), command("next", "true"))
    found = {check.id: check for check in told.checks}
    cut = found["flood.beyond_limit"]
    assert (cut.status, cut.detail) == (Status.FAIL, "it printed more than 256 KiB: the rest is not read")
    assert found["flood.exit_status"].detail.endswith("no answer after 2 s")
    assert found["next.exit_status"].status is Status.PASS


def test_of_checks_without_end_not_all_are_read_and_that_fails(root: Path) -> None:
    told = statuses(report(root, command("flood", "yes 'ok 1 fine'", seconds=1), command("next", "true")))
    assert told["flood.beyond_limit"] is Status.FAIL and told["next.exit_status"] is Status.PASS


def test_a_command_that_prints_little_is_told_whole(root: Path) -> None:
    told = report(root, command("it", "for i in $(seq 3000); do echo; done; echo ok 1 last"))
    assert statuses(told) == {"it.last": Status.PASS, "it.exit_status": Status.PASS}
