# SPDX-License-Identifier: GPL-2.0-only
"""Files that jobs name by a digest go from one cache to another: whole, as they were, and nowhere else."""

import io
import multiprocessing
import os
import tarfile
from pathlib import Path

import pytest

from kseries.cluster import filesets
from kseries.guest import added, sysroot, userland
from kseries.guest.sysroot import Sysroot
from kseries.host import checksums, disk
from kseries.kbuild import keptselftests
from kseries.model import Conditions, NamedProgram
from kseries.model.errors import DiskFullError, InfraError
from kseries.probes import hosttests, programs

IMAGE = b"hsqs" + bytes(range(256)) * 5000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


@pytest.fixture
def conditions(home: Path, tmp_path: Path) -> Conditions:
    """Those of a run that has one of each kind of files, kept in the cache at home as that run does."""
    brought = tmp_path / "brought"
    (brought / "tests" / "data").mkdir(parents=True)
    (brought / "own.c").write_text("int main(void) { return 0; }\n")
    (brought / "own.h").write_text("#define OWN\n")
    (brought / "tests" / "test_own.py").write_text("def test_it(guest): pass\n")
    (brought / "tests" / "data" / "run \xe4.sh").write_text("#!/bin/sh\n")
    (brought / "tests" / "data" / "run \xe4.sh").chmod(0o755)
    (program,) = programs.read([brought / "own.c"], ())
    (test,) = hosttests.read([brought / "tests" / "test_own.py"], ())
    programs.keep(program, home / "programs")
    hosttests.keep(test, home / "programs")
    return Conditions(
        arch="x86_64",
        programs=(NamedProgram(program.name, program.digest),),
        host_tests=(NamedProgram(test.name, test.digest),),
        added=added.keep(brought / "tests" / "data", home / "programs").digest,
        installed=installed(home),
        userland=image(home),
        sysroot=libraries(home),
    )


def installed(cache: Path) -> str:
    """As kseries keeps kselftest of a tip."""
    data = b"members of an initramfs"
    place = cache / "programs" / checksums.of_bytes(data)
    place.mkdir(parents=True)
    (place / "selftests.members").write_bytes(data)
    (place / keptselftests.LOG).write_bytes(b"make: done\n")
    return place.name


def image(cache: Path) -> str:
    digest = checksums.of_bytes(IMAGE)
    (cache / userland.NAME).mkdir(parents=True)
    (cache / userland.NAME / f"{digest}{userland.IMAGE}").write_bytes(IMAGE)
    return digest


def libraries(cache: Path) -> str:
    made = cache / userland.NAME / "made"
    (made / "usr" / "include" / "linux").mkdir(parents=True)
    (made / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (made / "usr" / "include" / "linux" / "kvm.h").write_text("#define KVM\n")
    (made / "usr" / "lib" / "x86_64-linux-gnu" / "libm.so").symlink_to("../../../lib/x86_64-linux-gnu/libm.so.6")
    (made / "lib").symlink_to("usr/lib")
    digest = sysroot._digest(made)
    made.rename(made.with_name(f"sysroot-{digest}"))
    return digest


def sent(names: tuple[str, ...], home: Path) -> io.BytesIO:
    return io.BytesIO(b"".join(filesets.pack(names, home)))


def everything(cache: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a cache: mode, and contents or where a link leads."""
    return {
        str(path.relative_to(cache)): (
            0 if path.is_symlink() else path.lstat().st_mode,
            os.fsencode(path.readlink()) if path.is_symlink() else b"" if path.is_dir() else path.read_bytes(),
        )
        for path in sorted(cache.rglob("*"))
    }


# --- the same there -----------------------------------------------------------------------------


def test_what_a_job_needs_is_the_same_in_the_other_cache(home: Path, there: Path, conditions: Conditions) -> None:
    names = filesets.wanted(conditions)
    assert [name.partition("/")[0] for name in names] == [*filesets._KINDS]
    assert filesets.missing(names, home) == ()
    assert filesets.missing(names, there) == names
    assert filesets.take(sent(names, home), there) == names
    assert filesets.missing(names, there) == ()
    assert everything(there) == everything(home)


def test_it_is_as_kept_says_of_each_kind(home: Path, there: Path, conditions: Conditions) -> None:
    filesets.take(sent(filesets.wanted(conditions), home), there)
    (program,), (test,) = conditions.programs, conditions.host_tests or ()
    assert [file.name for file in programs.kept(there / "programs", "own", program.digest).headers] == ["own.h"]
    assert hosttests.kept(there / "programs", "own", test.digest).file.exists()
    assert keptselftests.kept(conditions.installed or "", there / "programs").log.read_text() == "make: done\n"
    assert userland.path(there, conditions.userland or "").stat().st_mode & 0o777 == 0o644
    assert sysroot.is_whole(Sysroot(conditions.sysroot or "", there / "userland" / f"sysroot-{conditions.sysroot}"))


def test_what_nobody_may_read_at_home_is_open_there(home: Path, there: Path, conditions: Conditions) -> None:
    names = filesets.wanted(conditions)
    for path in home.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o600)
    umask = os.umask(0o077)
    try:
        filesets.take(sent(names, home), there)
    finally:
        os.umask(umask)
    modes = {path.lstat().st_mode & 0o777 for path in there.glob("*/*/**/*") if not path.is_symlink()}
    assert modes == {0o755, 0o644}


def test_a_job_without_files_needs_none(home: Path, there: Path) -> None:
    assert filesets.wanted(Conditions(arch="x86_64")) == ()
    assert filesets.take(sent((), home), there) == ()


def test_only_what_is_missing_is_sent(home: Path, there: Path, conditions: Conditions) -> None:
    names = filesets.wanted(conditions)
    filesets.take(sent(names[:2], home), there)
    assert filesets.missing(names, there) == names[2:]
    assert filesets.take(sent(names, home), there) == names
    assert everything(there) == everything(home)


def test_an_archive_is_the_same_each_time_and_comes_in_pieces(home: Path, conditions: Conditions) -> None:
    names = filesets.wanted(conditions)
    pieces = [*filesets.pack(names, home)]
    assert [*filesets.pack(names, home)] == pieces
    assert max(map(len, pieces)) <= filesets._CHUNK


def test_what_is_there_but_not_as_it_was_is_replaced(home: Path, there: Path, conditions: Conditions) -> None:
    names = filesets.wanted(conditions)
    filesets.take(sent(names, home), there)
    for path in there.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(b"x")
    assert len(filesets.missing(names, there)) == len(names)
    filesets.take(sent(names, home), there)
    assert everything(there) == everything(home)


def test_what_home_has_not_is_told(home: Path, conditions: Conditions) -> None:
    (home / "userland" / f"{conditions.userland}.squashfs").write_bytes(b"x")
    with pytest.raises(InfraError, match="cannot send the files of a job: the userland"):
        sent(filesets.wanted(conditions), home)


# --- nothing else, and nowhere else -------------------------------------------------------------

DIGEST = "0" * 64


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "added",
        f"other/{DIGEST}",
        f"added/../{DIGEST}",
        f"added/{DIGEST[:-1]}",
        f"added/{DIGEST}/name",
        f"program/{DIGEST}",
        f"program/{DIGEST}/..",
        f"program/{DIGEST}/a/b",
        f"/added/{DIGEST}",
        f"added/{DIGEST}\n",
    ],
)
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="no files of a job are called"):
        filesets.missing([name], tmp_path)


Member = tuple[str, bytes, bytes | str]
"""Of a tar: name, type, and contents or where it leads."""


def tar(*members: Member) -> io.BytesIO:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, kind, what in (*members, ("end", tarfile.REGTYPE, b"")):
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755
            if isinstance(what, str):
                info.linkname = what
            else:
                info.size = len(what)
            archive.addfile(info, io.BytesIO(what) if isinstance(what, bytes) else None)
    data.seek(0)
    return data


PROGRAM = f"program/{DIGEST}/own"
LIBRARIES = f"sysroot/{DIGEST}"
FOLDER: Member = (PROGRAM, tarfile.DIRTYPE, b"")
SYSROOT: Member = (LIBRARIES, tarfile.DIRTYPE, b"")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("/etc/x", tarfile.REGTYPE, b"x")], "no files of a job"),
        ([("../x", tarfile.REGTYPE, b"x")], "no files of a job"),
        ([FOLDER, (f"{PROGRAM}/../../x", tarfile.REGTYPE, b"x")], "in no folder"),
        ([FOLDER, (f"{PROGRAM}/..", tarfile.REGTYPE, b"x")], "in no folder"),
        ([FOLDER, (f"{PROGRAM}/.", tarfile.DIRTYPE, b"")], "in no folder"),
        ([FOLDER, (f"{PROGRAM}//x", tarfile.REGTYPE, b"x")], "in no folder"),
        ([FOLDER, (f"{PROGRAM}/a/x", tarfile.REGTYPE, b"x")], "in no folder"),
        ([(f"{PROGRAM}/x", tarfile.REGTYPE, b"x")], "in no folder"),
        ([FOLDER, (f"{PROGRAM}/own.c", tarfile.SYMTYPE, "/etc/passwd")], "no file that could be"),
        ([FOLDER, (f"{PROGRAM}/own.c", tarfile.SYMTYPE, "own.h")], "no file that could be"),
        ([FOLDER, (f"{PROGRAM}/own.c", tarfile.LNKTYPE, "/etc/passwd")], "no file that could be"),
        ([FOLDER, (f"{PROGRAM}/own.c", tarfile.FIFOTYPE, b"")], "no file that could be"),
        ([FOLDER, (f"{PROGRAM}/own.c", tarfile.CHRTYPE, b"")], "no file that could be"),
        ([(PROGRAM, tarfile.SYMTYPE, "/etc")], "no file that could be"),
        ([(LIBRARIES, tarfile.SYMTYPE, "usr")], "no file that could be"),
        ([SYSROOT, (f"{LIBRARIES}/lib", tarfile.SYMTYPE, "/etc")], "no file that could be"),
        ([SYSROOT, (f"{LIBRARIES}/lib", tarfile.SYMTYPE, "../../x")], "no file that could be"),
        ([SYSROOT, (f"{LIBRARIES}/lib", tarfile.SYMTYPE, "a/../../x")], "no file that could be"),
        (
            [SYSROOT, (f"{LIBRARIES}/a", tarfile.SYMTYPE, "usr"), (f"{LIBRARIES}/a/x", tarfile.REGTYPE, b"x")],
            "in no folder",
        ),
        ([FOLDER, (f"{PROGRAM}/own.c", tarfile.REGTYPE, b"int main;")], "not as it was"),
        ([(f"userland/{DIGEST}", tarfile.REGTYPE, b"image")], "not as it was"),
        (
            [(f"added/{DIGEST}", tarfile.DIRTYPE, b""), (f"added/{DIGEST}/add.cpio", tarfile.REGTYPE, b"x")],
            "as they were",
        ),
        ([SYSROOT, (f"{LIBRARIES}/lib", tarfile.SYMTYPE, "usr")], "not as they were"),
        ([FOLDER, *((f"{PROGRAM}" + "/a" * n, tarfile.DIRTYPE, b"") for n in range(1, 200))], "in no folder"),
    ],
)
def test_nothing_comes_to_lie_elsewhere_nor_by_a_wrong_name(
    members: list[Member], said: str, there: Path, tmp_path: Path
) -> None:
    there.mkdir()
    before = everything(tmp_path)
    with pytest.raises(InfraError, match=said):
        filesets.take(tar(*members), there)
    after = {name: what for name, what in everything(tmp_path).items() if name not in before}
    assert set(after) <= {"there/programs", "there/userland"}


@pytest.mark.parametrize("part", range(1, 30))
def test_an_archive_that_is_cut_short_is_told_and_what_came_is_whole(
    home: Path, there: Path, conditions: Conditions, part: int
) -> None:
    names = filesets.wanted(conditions)
    data = sent(names, home).getvalue()
    length = (len(data) // 512 - 3) * part // 29
    with pytest.raises(InfraError, match="have to be sent anew"):
        filesets.take(io.BytesIO(data[: length * 512]), there)
    with pytest.raises(InfraError, match="have to be sent anew"):
        filesets.take(io.BytesIO(data[: max(1, length * 512 - 100)]), there)
    found = everything(there)
    assert found.items() <= everything(home).items()
    assert not [name for name in found if "kseries-files-" in name]


def test_a_full_disk_is_told(home: Path, there: Path, conditions: Conditions, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filesets, "_write", full)
    with pytest.raises(DiskFullError):
        filesets.take(sent(filesets.wanted(conditions), home), there)
    assert not disk.full(there)


def _take(data: bytes, cache: Path) -> None:
    for _ in range(5):
        filesets.take(io.BytesIO(data), cache)


def test_two_may_do_so_at_once(home: Path, there: Path, conditions: Conditions) -> None:
    names = filesets.wanted(conditions)
    data = sent(names, home).getvalue()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_take, args=(data, there)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * 4
    assert filesets.missing(names, there) == ()
    assert everything(there) == everything(home)
