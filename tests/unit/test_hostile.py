# SPDX-License-Identifier: GPL-2.0-only
"""A series that means harm, against the host it is built on: each attempt fails, and the host is as before.

The tiny kernel's Makefile, its Kconfig and a host tool of its own do what a patch to the real ones could.
"""

import asyncio
import contextlib
import os
import select
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.host import box, files, paths
from kseries.host.box import Limits, layout
from kseries.kbuild import Worker, limits
from kseries.kbuild.config import Config
from kseries.model import Build
from kseries.model.errors import InfraError
from tests.support.kbuild import ARCH, FRAGMENT, MAKEFILE, Kernel
from tests.support.sample import sampled

HOSTILE = "hostile series"


def in_makefile(script: str) -> dict[str, str]:
    """A recipe that goes on whatever becomes of it."""
    return {"Makefile": MAKEFILE.replace("headers:\n", f"headers:\n\t-@{script.replace('$', '$$')}\n")}


def in_kconfig(script: str) -> dict[str, str]:
    """As Kconfig's $(shell,...), which runs while make configures."""
    run = "allnoconfig:\n\t-@sh $(CURDIR)/Kconfig\n"
    return {"Makefile": MAKEFILE.replace("allnoconfig:\n", run), "Kconfig": f"{script}\n"}


def in_host_tool(script: str) -> dict[str, str]:
    """A program that make compiles for this host and runs, as objtool is."""
    tool = "headers:\n\t@$(HOSTCC) -o $(O)/tool tool.c\n\t-@$(O)/tool\n"
    words = script.replace("\\", "\\\\").replace('"', '\\"')
    source = f'#include <stdlib.h>\nint main(void)\n{{\n\treturn system("{words}") != 0;\n}}\n'
    return {"Makefile": MAKEFILE.replace("headers:\n", tool), "tool.c": source}


WAYS = pytest.mark.parametrize("way", [in_makefile, in_kconfig, in_host_tool])


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder with a secret in it that any user may read."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kseries-home-") as place:
        Path(place).chmod(0o755)
        (Path(place) / "token").write_text("the-secret\n")
        monkeypatch.setenv("HOME", place)
        yield Path(place)


@pytest.fixture
def stranger(kernel: Kernel) -> Kernel:
    """The tiny kernel in the hands of somebody, base built before."""
    kernel.worker = worker(kernel, HOSTILE)
    return kernel


def worker(kernel: Kernel, series: str) -> Worker:
    return Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2, probes=(), series=series)


def tree(kernel: Kernel, changed: dict[str, str]) -> str:
    return kernel.tree(**changed)


async def log_of(kernel: Kernel, changed: dict[str, str]) -> str:
    """What is said while it builds. The build comes through: the attempt does not end it."""
    return Path((await built(kernel, changed)).log).read_text()


async def built(kernel: Kernel, changed: dict[str, str]) -> Build:
    done = await kernel.build(tree(kernel, changed))
    assert done.ok, Path(done.log).read_text()
    return done


def named(build: Build, *words: str) -> bool:
    """True where one line of what is told to have been refused has all of these words."""
    return any(all(word in line for word in words) for line in build.refused)


# --- reading ------------------------------------------------------------------------------------


@WAYS
async def test_the_home_folder_is_not_there(stranger: Kernel, home: Path, way: object) -> None:
    assert callable(way)
    script = f"cat {home}/token ~/token /root/.ssh/* /home/*/.ssh/* /etc/shadow; ls -A {home} /root /home /work"
    assert "the-secret" in subprocess.run(["cat", home / "token"], capture_output=True, text=True, check=True).stdout
    done = await built(stranger, way(script))
    assert "the-secret" not in Path(done.log).read_text()
    assert named(done, f"{home}/token", "No such file")


async def test_what_lies_in_place_of_a_kernel_is_not_followed(stranger: Kernel, home: Path) -> None:
    """We read it, who may read more than the box: the link points out of it."""
    for name, script in {
        "vmlinux": f"ln -sf {home}/token $(O)/vmlinux",
        "guests/init": f"mkdir -p $(O)/guests && ln -sf {home}/token $(O)/guests/init",
    }.items():
        late = MAKEFILE.replace("\t@ld -e main -o $(O)/vmlinux $(O)/main.o\n", f"\t@ld -e main -o $(O)/vmlinux "
                                f"$(O)/main.o; {script}\n")  # fmt: skip
        built = await stranger.build(stranger.tree(Makefile=late))
        if name == "vmlinux":
            assert built.errors == (f"{name} is no plain file in the build folder (Too many levels of symbolic links)",)
        for place in stranger.place.rglob("*"):
            if place.is_file() and not place.is_symlink():
                assert b"the-secret" not in place.read_bytes(), place


async def test_a_pipe_in_place_of_a_kernel_keeps_nobody_waiting(stranger: Kernel) -> None:
    late = MAKEFILE.replace("@ld -e main -o $(O)/vmlinux $(O)/main.o", "@rm -f $(O)/vmlinux; mkfifo $(O)/vmlinux")
    async with asyncio.timeout(60):
        built = await stranger.build(stranger.tree(Makefile=late))
    assert built.errors == ("vmlinux is no plain file in the build folder",)


async def test_a_link_in_the_source_is_not_followed_by_us(stranger: Kernel, home: Path) -> None:
    """kernel/configs/tiny.config goes into the configuration, which make may read."""
    patch = stranger.repository
    (patch.path / "kernel" / "configs").mkdir(parents=True)
    (patch.path / "kernel" / "configs" / "tiny.config").symlink_to(home / "token")
    built = await stranger.build(stranger.tree())
    assert built.ok
    assert "the-secret" not in (stranger.obj / ".config").read_text()


# --- writing ------------------------------------------------------------------------------------


@WAYS
async def test_nothing_is_written_outside(stranger: Kernel, home: Path, way: object) -> None:
    assert callable(way)
    name = "kseries-hostile-stamp"
    places = [home, Path("/tmp"), Path("/var/tmp"), Path("/etc"), Path("/usr"), Path("/dev/shm"), stranger.home,
              stranger.home / "source", stranger.place, paths.cache(), paths.project("guests"), layout.TOP,
              *(layout.TOP / name for name in ("source", "guests", "build", "ccache"))]  # fmt: skip
    done = await built(stranger, way("; ".join(f"echo x >{place}/{name}" for place in places)))
    assert [place for place in places if (place / name).exists()] == []
    assert list(stranger.home.rglob(name)) == [], "by any path"
    for place in (home, Path("/etc"), Path("/usr"), layout.TOP, layout.TOP / "ccache"):
        assert named(done, f"{place}/{name}"), done.refused


async def test_our_notes_on_a_build_folder_are_out_of_reach(stranger: Kernel) -> None:
    """Where we write, there a link could have us write elsewhere."""
    notes = ("configured", "dependencies.json", "reads.new", "said.json", "series", "interrupted", "timing.json")
    await log_of(stranger, {})
    place = stranger.obj.parent
    before = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}
    reached = [top / note for top in (place, layout.TOP / "build") for note in notes]
    lines = "; ".join(f"ln -sf /etc/passwd {note}; echo x >{note}" for note in reached)
    await log_of(stranger, in_makefile(lines))
    assert not [path for path in place.iterdir() if path.is_symlink()]
    assert {path.name for path in place.iterdir() if path.is_file()} == set(before)
    assert "x" not in (place / "series").read_text().split()


async def test_what_has_reached_out_does_so_again_in_the_next_state(stranger: Kernel, home: Path) -> None:
    """What is done once in a folder would be seen in one state only, and not be told of a patch."""
    once = {
        "Makefile": MAKEFILE.replace(
            "headers:\n", f"headers: $(O)/once\n$(O)/once:\n\t-@cat {home}/token\n\t@touch $@\nheaders:\n"
        )
    }
    await stranger.worker.build(stranger.tree(), stranger.place / "base", lambda _: None, trusted=True)
    for text in ("one", "two"):
        done = await built(stranger, {**once, "Kconfig": f"# {text}\n"})
        assert named(done, f"{home}/token")
    assert (await built(stranger, {})).refused == ()


async def test_what_is_shared_of_compiled_objects_is_not_rewritten(stranger: Kernel) -> None:
    """The shared ccache is filled by base, and is the same after a build of anybody's patches."""

    def shared() -> dict[str, bytes]:
        top = paths.cache("ccache")
        return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}

    base = stranger.tree()
    await stranger.worker.build(base, stranger.place / "base", lambda _: None, trusted=True)
    before = shared()
    assert before
    top = layout.TOP / "ccache"
    script = f"rm -rf {top}/*; find {top} -type f -exec sh -c 'echo x >$1' - {{}} ';'; ccache --clear; ccache -o x=y"
    done = await built(stranger, in_makefile(script))
    assert shared() == before
    assert named(done, str(top), "Read-only file system")


async def test_what_a_series_leaves_in_the_build_folder_is_not_used_for_another(stranger: Kernel) -> None:
    """A host tool that is newer than its source would be run for whoever comes next."""
    poison = in_makefile("echo poison >$(O)/main.o; touch -d 2099-01-01 $(O)/main.o; echo x >$O/tool")
    await stranger.build(tree(stranger, poison))
    assert (stranger.obj / "tool").exists()
    victim = worker(stranger, "another series")
    assert victim.holds is None
    assert not victim.dependencies
    built = await victim.build(stranger.tree(), stranger.place / "victim", lambda _: None)
    assert built.ok, built.errors
    assert not (stranger.obj / "tool").exists()


async def test_base_is_never_built_beside_what_a_series_has_left(stranger: Kernel) -> None:
    await log_of(stranger, in_makefile("echo x >$O/tool"))
    built = await stranger.worker.build(stranger.tree(), stranger.place / "base", lambda _: None, trusted=True)
    assert built.ok
    assert not (stranger.obj / "tool").exists()
    await log_of(stranger, {})
    assert stranger.configured == 1, "what base has left serves every series"


async def test_a_series_that_begins_with_another_goes_on_in_its_folder(stranger: Kernel) -> None:
    """All patches that were built there are its own; and what builds read of the others need not be read again."""
    await worker(stranger, "base\none").build(stranger.tree(), stranger.place / "one", lambda _: None)
    assert worker(stranger, "base\none\ntwo").holds == stranger.tree()
    for other in ("base\ntwo", "base\nones", "base", "base\ntwo\none"):
        assert worker(stranger, other).holds is None, other


async def test_a_note_on_whose_folder_it_is_that_was_cut_short_is_nobodys(stranger: Kernel) -> None:
    await log_of(stranger, in_makefile("echo x >$O/tool"))
    (stranger.obj.parent / "series").write_text("")
    built = await stranger.worker.build(stranger.tree(), stranger.place / "base", lambda _: None, trusted=True)
    assert built.ok and not (stranger.obj / "tool").exists()


async def test_each_series_begins_with_what_base_alone_has_left(stranger: Kernel) -> None:
    """And not with a compiler: a copy has the times that make goes by."""
    base = await stranger.worker.build(stranger.tree(), stranger.place / "base", lambda _: None, trusted=True)
    assert base.ok and base.compiled
    await log_of(stranger, in_makefile("echo x >$O/tool"))
    other = worker(stranger, "another series")
    assert other.holds == stranger.tree() and other.dependencies
    built = await other.build(stranger.tree(), stranger.place / "other", lambda _: None)
    assert built.ok and built.compiled == built.found, built.errors
    assert stranger.configured == 1
    assert not (stranger.obj / "tool").exists()


@pytest.mark.parametrize("how", ["cut", "bit", "gone"])
async def test_a_copy_of_what_base_has_left_that_is_not_as_base_has_left_it_is_not_used(
    stranger: Kernel, how: str
) -> None:
    """And goes, so that the next series need not look at it again."""
    assert (await stranger.worker.build(stranger.tree(), stranger.place / "base", lambda _: None, trusted=True)).ok
    await log_of(stranger, in_makefile("echo x >$O/tool"))
    (pristine,) = stranger.home.glob("*.pristine")
    victim, seen = pristine / "obj" / "main.o", (pristine / "obj" / "main.o").stat()
    whole = victim.read_bytes()
    if how == "gone":
        victim.unlink()
    else:
        victim.write_bytes(whole[:-100] if how == "cut" else whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
        os.utime(victim, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other = worker(stranger, "another series")
    built = await other.build(stranger.tree(), stranger.place / "other", lambda _: None)
    assert built.ok, built.errors
    assert (stranger.obj / "main.o").read_bytes() == whole
    assert not pristine.exists()


# --- reaching out -------------------------------------------------------------------------------


@WAYS
async def test_no_port_of_this_host_is_reached(stranger: Kernel, way: object) -> None:
    assert callable(way)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo in >&3'"
        assert subprocess.run(shlex.split(connect), check=False).returncode == 0
        server.accept()[0].close()
        done = await built(stranger, way(connect))
        assert select.select([server], [], [], 0)[0] == []
    assert named(done, f"127.0.0.1/{port}")
    assert named(done, "reached for a network")


@pytest.mark.parametrize("where", ["tcp/127.0.0.1/9", "udp/127.0.0.1/9", "tcp/192.0.2.1/80", "udp/192.0.2.1/53"])
async def test_who_reaches_for_a_network_is_named_though_they_hide_what_came_of_it(
    stranger: Kernel, where: str
) -> None:
    done = await built(stranger, in_makefile(f"bash -c 'exec 3<>/dev/{where}; echo x >&3' >/dev/null 2>&1"))
    assert done.refused == ("reached for a network",)


async def test_nothing_gains_rights(stranger: Kernel) -> None:
    said = await log_of(stranger, in_makefile("id -u; grep -E 'NoNewPrivs|CapEff' /proc/self/status; su -c id; mount"))
    assert "NoNewPrivs:\t1" in said
    assert "CapEff:\t0000000000000000" in said
    assert "uid=0" not in said
    if box.Host.here().drops:
        assert "\n0\n" not in said


# --- taking all there is ------------------------------------------------------------------------


def _processes(word: str) -> int:
    """How many on this host were started with a word that nobody else uses."""
    found = 0
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            found += word in place.read_text(errors="replace")
    return found


async def test_a_build_that_forks_without_end_is_ended_and_named(
    stranger: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box, "build_limits", lambda _jobs: Limits(processes=100))
    word = f"kseries-forks-{os.getpid()}"
    bomb = f"bash -c ':() {{ : | : & }}; :; sleep 1000' {word}"  # on a busy host it takes a while to be seen
    async with asyncio.timeout(600):
        with pytest.raises(InfraError, match="the build met its limit of processes: "):
            await stranger.build(tree(stranger, in_makefile(bomb)))
    async with asyncio.timeout(20):
        while _processes(word):
            await asyncio.sleep(0.1)  # they are killed, and on their way
    assert (await stranger.build(stranger.tree())).ok, "the next one is none the worse"


async def test_a_build_that_fills_the_disk_is_ended_and_named(
    stranger: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROOM", 30 << 20)
    fill = "n=0; while sleep 0.01; do n=$((n+1)); head -c 1M /dev/urandom >$O/fill-$n; done"
    async with asyncio.timeout(60):
        with pytest.raises(InfraError, match="the build met its limit of room: it has written more than 30 MiB"):
            await stranger.build(tree(stranger, in_makefile(fill)))
    assert list(stranger.obj.iterdir()) == [], "and the room is given back"


async def test_one_large_file_is_cut_and_named(stranger: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "build_limits", lambda _jobs: Limits(file=1 << 20))
    huge = MAKEFILE.replace("headers:\n", "headers:\n\thead -c 2M /dev/zero >$(O)/huge\n")
    with pytest.raises(InfraError, match="the build met its limit of size of a file"):
        await stranger.build(stranger.tree(Makefile=huge))


async def test_tmp_is_bounded(stranger: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "build_limits", lambda _jobs: Limits(temporary=1 << 20))
    said = await log_of(
        stranger,
        in_makefile("said=$(head -c 2M /dev/zero 2>&1 >/tmp/huge; stat -c %s /tmp/huge); rm /tmp/huge; echo $said"),
    )
    assert "No space left" in said and str(2 << 20) not in said


async def test_a_build_that_eats_memory_is_ended_and_named(stranger: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "build_limits", lambda _jobs: Limits(memory=256 << 20))
    eat = MAKEFILE.replace("headers:\n", "headers:\n\tbash -c 'x=$$(head -c 400M /dev/zero | tr \"\\\\0\" x)'\n")
    with pytest.raises(InfraError, match="the build met its limit of memory"):
        await stranger.build(stranger.tree(Makefile=eat))


async def test_a_build_whose_processes_eat_memory_together_is_ended_and_named(
    stranger: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Far more than anybody else here takes or gives back meanwhile.
    monkeypatch.setattr(box, "build_limits", lambda _jobs: Limits(together=400 << 20))
    eat = "for n in 1 2 3; do perl -e '$x = q(x) x (500 << 20); sleep 30' & done; wait"
    async with asyncio.timeout(60):
        with pytest.raises(InfraError, match="its processes together have more than 400 MiB"):
            await stranger.build(tree(stranger, in_makefile(eat)))


async def test_memory_that_no_process_has_mapped_counts_as_well(
    stranger: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file of memfd_create(2), say, which goes with whoever has it open."""
    number = {"x86_64": 319, "aarch64": 279}[os.uname().machine]
    monkeypatch.setattr(box, "build_limits", lambda _jobs: Limits(together=400 << 20))
    eat = (
        f"perl -e 'my $name = q(x); open my $file, q(>&=), syscall({number}, $name, 0); my $block = q(x) x (1 << 20);"
        " print $file $block for 1..900; sleep 30'"
    )
    async with asyncio.timeout(60):
        with pytest.raises(InfraError, match="its processes together have more than 400 MiB"):
            await stranger.build(tree(stranger, in_makefile(eat)))


async def test_a_build_that_prints_without_end_is_ended_and_named(
    stranger: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTPUT", 1 << 20)
    async with asyncio.timeout(60):
        with pytest.raises(InfraError, match="the build met its limit of output"):
            await stranger.build(tree(stranger, in_makefile("yes >/proc/self/fd/2")))


# --- outliving ----------------------------------------------------------------------------------


@WAYS
async def test_nothing_outlives_its_build_and_what_would_have_is_named(stranger: Kernel, way: object) -> None:
    assert callable(way)
    word = f"kseries-outlives-{os.getpid()}"
    daemon = f"setsid bash -c 'exec -a {word} sleep 1000' >/dev/null 2>&1 </dev/null & sleep 0.3"
    done = await built(stranger, way(daemon))
    assert named(done, "left running", word)
    async with asyncio.timeout(20):
        while _processes(word):
            await asyncio.sleep(0.1)  # it is killed, and on its way


async def test_what_base_was_refused_once_it_was_refused_for_good(stranger: Kernel, home: Path) -> None:
    """It need not come to it in each build, and a patch that has it done again brings nothing new."""
    rule = f"headers: $(O)/once\n$(O)/once:\n\t-@cat {home}/token\n\t@touch $@\nheaders:\n"
    base = stranger.tree(Makefile=MAKEFILE.replace("headers:\n", rule))
    for number in (1, 2):
        done = await stranger.worker.build(base, stranger.place / f"base-{number}", lambda _: None, trusted=True)
        assert named(done, f"{home}/token"), number
    assert Path(done.log).read_text().count("token") == 0, "the second time nothing was tried"
    other = await stranger.worker.build(stranger.tree(), stranger.place / "other", lambda _: None, trusted=True)
    assert other.refused == (), "of another base nothing is told that it did not do"


async def test_what_base_was_refused_is_told_of_it_with_prerequisites_too(stranger: Kernel, home: Path) -> None:
    """It is built upon base's objects, and a patch that has all made again brings nothing new."""
    rule = f"headers: $(O)/once\n$(O)/once:\n\t-@cat {home}/token\n\t@touch $@\nheaders:\n"
    files = {"Makefile": MAKEFILE.replace("headers:\n", rule)}
    await stranger.worker.build(stranger.tree(**files), stranger.place / "base", lambda _: None, trusted=True)
    other = stranger.tree(**files, Kconfig="# a prerequisite\n")
    done = await stranger.worker.build(other, stranger.place / "other", lambda _: None, of_base=True)
    assert Path(done.log).read_text().count("token") == 0, "it is not tried again"
    assert named(done, f"{home}/token")
    assert (await built(stranger, {**files, "Kconfig": "# patched\n"})).refused == ()


async def test_a_build_that_leaves_nobody_behind_says_nothing(stranger: Kernel) -> None:
    assert (await built(stranger, {})).refused == ()


# --- leaving what nobody expects ----------------------------------------------------------------

LEFT = {
    "folders deeper than Python goes": "cd $O && perl -e 'for (1..6000) { mkdir q(d); chdir q(d) or last }'",
    "names that are no text": r"mkdir $O/$(printf '\376') && printf x >$O/$(printf '\376')/.x.o.cmd",
    "a name of two lines": r"printf x >$O/$(printf 'a\nb').d",
    "a folder for what ccache says": "rm -f $O/ccache.log; mkdir -p $O/ccache.log/x",
    "a folder for the configuration": "rm $O/.config; mkdir $O/.config",
    "a pipe for what vmlinux is made of": "mkfifo $O/vmlinux.a",
    "a link for the guests": "rm -rf $O/guests; ln -s /etc $O/guests",
    "folders that nobody may enter": "mkdir -p $O/shut/in; chmod 0 $O/shut/in $O/shut",
    "a build folder that nobody may enter": "chmod 0 $O",
    "no ccache": "rm -rf $CCACHE_DIR/*; chmod 0 $CCACHE_DIR",
    "files of all ages": "touch -d 2100-01-01 $O/main.o $O/.config; touch -d 1901-12-14 $O/x; touch -d 9999-01-01 $O/y",
    "files that hold nothing and are large": "truncate -s 3G $O/.big.o.cmd; truncate -s 3G $O/ccache.log",
    "notes that are no text": r"printf '%s/\377.c' $PWD >$O/.x.o.cmd",
}


@pytest.mark.parametrize("script", sampled("faults", LEFT.values(), list(LEFT.values())[:2].__contains__), ids=LEFT)
async def test_what_a_build_leaves_ends_no_run_and_is_not_there_for_another_series(
    stranger: Kernel, script: str
) -> None:
    link = "@ld -e main -o $(O)/vmlinux $(O)/main.o"
    late = MAKEFILE.replace(link, f"{link}; {{ {script.replace('$', '$$').replace('$$O', '$(O)')}; }} || true")
    assert late != MAKEFILE
    await stranger.build(stranger.tree(Makefile=late))
    await stranger.build(stranger.tree(Kconfig="# another state of theirs\n"))
    victim = worker(stranger, "another series")
    done = await victim.build(stranger.tree(), stranger.place / "victim", lambda _: None)
    assert done.ok, done.errors
    files.remove(stranger.place)  # for pytest, too, what lies there may be too deep


async def test_a_build_that_makes_files_without_end_is_ended_and_named(
    stranger: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILES", 20_000)
    many = "cd $O && perl -e 'for (1..200_000) { open F, q(>), q(f).$_ } sleep 30'"
    async with asyncio.timeout(60):
        with pytest.raises(InfraError, match="the build met its limit of files: it has made more than 20000"):
            await stranger.build(tree(stranger, in_makefile(many)))


async def test_the_keys_of_who_called_us_are_not_there(stranger: Kernel) -> None:
    """In a process of its own, since there is no way back to a session keyring."""
    words = [sys.executable, "-m", "tests.support.keys"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 77:
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["read by its owner: the-secret", "read in a box: "]
