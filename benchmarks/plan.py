# SPDX-License-Identifier: GPL-2.0-only
"""What it costs to plan a long series: made up, on the kernel that the cache holds, planned with an empty cache.

.venv/bin/python -m benchmarks.plan [PATCHES [SCENARIO,..]]
"""

import collections
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kseries import cli
from kseries.host import paths, processes
from kseries.sources import TreeStore, kernels

TOP = Path(__file__).resolve().parents[1]
FILES = (
    *(f"virt/kvm/{name}" for name in ("kvm_main.c", "eventfd.c", "guest_memfd.c", "pfncache.c", "dirty_ring.c")),
    *(f"arch/x86/kvm/{name}" for name in ("x86.c", "x86.h", "cpuid.c", "lapic.c", "emulate.c", "irq.c", "pmu.c")),
    *(f"arch/x86/kvm/mmu/{name}" for name in ("mmu.c", "tdp_mmu.c", "spte.c", "paging_tmpl.h")),
    *(f"arch/x86/kvm/svm/{name}" for name in ("svm.c", "nested.c", "sev.c", "avic.c", "svm.h")),
    *(f"arch/x86/kvm/vmx/{name}" for name in ("vmx.c", "nested.c", "vmx.h")),
    *(f"include/linux/{name}" for name in ("kvm_host.h", "kvm_types.h", "mm.h", "sched.h", "fs.h")),
    *("include/uapi/linux/kvm.h", "arch/x86/include/asm/kvm_host.h", "arch/x86/kvm/Kconfig", "virt/kvm/Kconfig"),
    *("arch/x86/kvm/Makefile", "Documentation/virt/kvm/api.rst", "MAINTAINERS", "kernel/events/core.c"),
)


def main() -> None:
    """Make the series, plan it twice, and print what that took."""
    if sys.argv[1:2] == ["--measure"]:
        _measure(sys.argv[2:])
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    scenarios = sys.argv[2] if len(sys.argv) > 2 else "prefixes,reverts,alone"
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as scratch:
        home = Path(scratch)
        base = _borrow_kernel(home)
        patches = _series(home, base, count)
        for what in ("first", "again"):
            _report(what, _plan(home, patches, scenarios))
        kept = sum(
            path.stat().st_blocks * 512 for path in (home / "kseries" / "trees.git").rglob("*") if path.is_file()
        )
        print(f"kept in the cache  {kept / 1e6:8.1f} MB")


def _borrow_kernel(home: Path) -> str:
    """A cache without results that reads the kernel from the user's; the tree of the kernel."""
    ours = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, ours, paths.cache(), print)
    store = TreeStore(home / "kseries" / "trees.git")
    (store.path / "objects" / "info" / "alternates").write_text(f"{ours.path / 'objects'}\n")
    (home / "kseries" / "bases").mkdir()
    note = "bases/linux-source-6.12.json"
    (home / "kseries" / note).write_bytes(paths.cache(note).read_bytes())
    return base.tree


# --- a series made up ---------------------------------------------------------------------------


class _Author:
    """Writes patches: mostly a few hunks in a file or three, now and then a new file or a rename."""

    def __init__(self, files: dict[str, list[bytes]]) -> None:
        self._files = files
        self._random = random.Random(6)

    def patch(self, number: int) -> dict[str, bytes | None]:
        """Path -> its new contents, None where it is gone."""
        path = self._random.choice(sorted(self._files))
        dice = self._random.random()
        if dice < 0.05:
            path = f"arch/x86/kvm/new{number}.c"
            self._files[path] = [b"/* line %d of %d */\n" % (line, number) for line in range(200)]
        elif dice < 0.08 and path.endswith(".c"):
            self._files[f"{path[:-2]}_{number}.c"] = self._edited(self._files.pop(path), number)
            return {path: None, f"{path[:-2]}_{number}.c": b"".join(self._files[f"{path[:-2]}_{number}.c"])}
        else:
            self._files[path] = self._edited(self._files[path], number)
        return {path: b"".join(self._files[path])} | self._also(path, number)

    def _also(self, first: str, number: int) -> dict[str, bytes | None]:
        others = self._random.sample(sorted(self._files.keys() - {first}), self._random.choice((0, 0, 1, 2)))
        for path in others:
            self._files[path] = self._edited(self._files[path], number)
        return {path: b"".join(self._files[path]) for path in others}

    def _edited(self, text: list[bytes], number: int) -> list[bytes]:
        text = list(text)
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randrange(len(text))
            gone = self._random.choice((0, 1, 2))
            text[at : at + gone] = [
                b"/* patch %d: %d */\n" % (number, line) for line in range(self._random.randint(1, 5))
            ]
        return text


def _series(home: Path, base: str, count: int) -> Path:
    """The series as git format-patch writes it; made in a repository of its own."""
    author_home = TreeStore(home / "author.git")
    (author_home.path / "objects" / "info" / "alternates").write_text(f"{paths.cache('trees.git')}/objects\n")
    files = {path: (author_home.file(base, path) or b"").splitlines(keepends=True) for path in FILES}
    author = _Author({path: text for path, text in files.items() if text})
    stream = [b"reset refs/heads/series\nfrom %b\n\n" % author_home.commit(base).encode()]
    for number in range(1, count + 1):
        subject = b"KVM: made up change %d\n\nFor the sake of measuring.\n" % number
        stream.append(b"commit refs/heads/series\ncommitter A U Thor <author@example.com> %d +0000\n" % number)
        stream.append(b"data %d\n%b" % (len(subject), subject))
        for path, contents in author.patch(number).items():
            if contents is None:
                stream.append(b"D %b\n" % path.encode())
            else:
                stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(contents), contents))
    author_home.answer("fast-import", "--quiet", stdin=b"".join(stream))
    author_home.answer("format-patch", "-M", "-q", "-o", str(home / "patches"), f"-{count}", "refs/heads/series")
    return home / "patches"


# --- measuring ----------------------------------------------------------------------------------


def _plan(home: Path, patches: Path, scenarios: str) -> Any:
    words = [sys.executable, "-m", "benchmarks.plan", "--measure", str(patches), "--scenario", scenarios, "--json"]
    done = subprocess.run(
        words, cwd=TOP, env={**os.environ, "XDG_CACHE_HOME": str(home)}, stdout=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        sys.exit(f"planning failed with {done.returncode}")
    return json.loads(done.stdout)


def _measure(words: list[str]) -> None:
    """``kseries plan`` in this process; prints what it took, instead of the plan."""
    began = time.monotonic()
    with _timed() as spent, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        status = cli.main(["plan", *words])
    whole = time.monotonic() - began
    if status != 0:
        sys.exit(status)
    peak = {who: resource.getrusage(kind).ru_maxrss / 1024 for who, kind in _WHO.items()}
    print(json.dumps({"seconds": whole, "peak": peak, "git": spent}))


_WHO = {"kseries": resource.RUSAGE_SELF, "largest child": resource.RUSAGE_CHILDREN}


@contextlib.contextmanager
def _timed() -> Iterator[dict[str, list[float]]]:
    """Seconds and number of processes by git command; two that run at once count both."""
    spent: dict[str, list[float]] = collections.defaultdict(lambda: [0.0, 0])
    lock = threading.Lock()
    run = processes.run

    def timed(argv: Any, **rest: Any) -> processes.Done:
        began = time.monotonic()
        try:
            return run(argv, **rest)
        finally:
            with lock:
                name = " ".join(str(word) for word in argv[:3] if word not in ("--quiet", "-"))
                spent[name][0] += time.monotonic() - began
                spent[name][1] += 1

    processes.run = timed
    try:
        yield spent
    finally:
        processes.run = run


def _report(what: str, seen: Any) -> None:
    print(
        f"{what:17}  {seen['seconds']:8.1f} s   " + ", ".join(f"{who} {mb:.0f} MB" for who, mb in seen["peak"].items())
    )
    for name, (seconds, count) in sorted(seen["git"].items(), key=lambda item: -item[1][0]):
        if seconds > 0.05:
            print(f"  {name:30} {seconds:8.2f} s in {count} processes")


if __name__ == "__main__":
    main()
