# SPDX-License-Identifier: GPL-2.0-only
"""What it costs to begin a bisection over a long history: made up, of tiny trees, up to the first question.

.venv/bin/python -m benchmarks.history [COMMITS [MERGES_IN_A_HUNDRED]]
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kseries import inputs
from kseries.app import single
from kseries.app.options import Options
from kseries.bisect.bisection import Repository as Linear
from kseries.bisect.gitbisect import GitBisect
from kseries.host import signals
from kseries.inputs import Walk
from kseries.sources import lineage

_BEHIND = 40
"""How far back a side branch begins, at most."""
_ASIDE = 60
"""Of a hundred commits, those that are on one, where there is any."""
FILES = {"Makefile": "VERSION = 6\n", "Kconfig": "", "lib.c": "int lib;\n", "arch/x86/kvm/Kconfig": ""}
WAYS = {
    "with merges": Walk(),
    "first parents": Walk(first_parent=True),
    "two paths": Walk(paths=("d7", "d8/f3")),
    "linear": Walk(),
}


def main() -> None:
    """Make the history, begin in each way in a process of its own, and print what that took."""
    if sys.argv[1:2] == ["--measure"]:
        _measure(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    merges = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as scratch:
        for share in (merges, 0):
            place = Path(scratch) / f"linux-{share}"
            made(place, count, share)
            for name in (one for one in WAYS if (one == "linear") == (share == 0)):
                _report(name, place, Path(scratch))


def made(place: Path, count: int, merges: int) -> None:
    """A repository whose ``base..topic`` has so many commits; of a hundred, so many are merges."""
    subprocess.run(["git", "init", "--quiet", "--bare", place], check=True)
    stream = "".join(_commits(count, merges))
    subprocess.run(["git", "-C", place, "fast-import", "--quiet"], input=stream.encode(), check=True)
    subprocess.run(["git", "-C", place, "repack", "-adq"], check=True)


def _commits(count: int, merges: int) -> Iterator[str]:
    """A trunk, from which branches fork and into which they are merged."""
    chance = random.Random(6)
    message = "x" * 60 + "\n\n" + "Why it is so.\n" * 40
    first = "".join(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in FILES.items())
    yield f"commit refs/heads/work\nmark :1\ncommitter A <a@b> 1 +0000\ndata 4\nbase\n{first}\n"
    trunk, sides = 1, list[int]()
    for number in range(2, count + 2):
        dice = chance.random() * 100
        merged = ""
        if sides and (dice < merges or count + 2 - number <= len(sides)):
            merged = f"merge :{sides.pop(chance.randrange(len(sides)))}\n"
            parent, trunk = trunk, number
        elif dice < 2 * merges:
            parent = max(1, trunk - chance.randrange(_BEHIND))
            sides.append(number)
        elif sides and dice < _ASIDE:
            side = chance.randrange(len(sides))
            parent, sides[side] = sides[side], number
        else:
            parent, trunk = trunk, number
        body = f"M 100644 inline d{number % 50}/f{number % 11}\ndata {len(str(number))}\n{number}\n"
        yield (
            f"commit refs/heads/work\nmark :{number}\ncommitter A <a@b> {number} +0000\n"
            f"data {len(message)}\n{message}from :{parent}\n{merged}{body}\n"
        )
    yield f"reset refs/heads/topic\nfrom :{trunk}\n\nreset refs/tags/base\nfrom :1\n\n"


def _report(name: str, place: Path, scratch: Path) -> None:
    words = [sys.executable, "-m", "benchmarks.history", "--measure", str(place), name, str(scratch / name)]
    done = subprocess.run(words, env={**os.environ, "XDG_CACHE_HOME": str(scratch / name)}, capture_output=True)
    if done.returncode != 0:
        sys.exit(done.stderr.decode())
    told = json.loads(done.stdout)
    size = f"{told['self']:4.0f} MB, git {told['git']:4.0f} MB"
    begun = f"begun {told['begun']:5.1f} s ({told['used']:4.1f} s of a core)"
    print(f"{name:15} {told['commits']:6} commits  lineage {told['read']:4.1f} s  {begun}  {size}", flush=True)


def _measure(place: Path, name: str, out: str) -> None:
    """In a process of its own: begin, and tell what it took as JSON."""
    signals.handle()
    began = time.monotonic()
    wanted = inputs.load("base..topic", str(place), walk=WAYS[name])
    options = Options(out=Path(out), tree=str(place), probes=("capabilities",))
    Path(out).mkdir(parents=True, exist_ok=True)
    with single.state_runner(wanted, options, Path(out), lambda _: None) as runner:
        if wanted.history is None:
            linear = Linear.of(runner)
            linear.begin()
            runner.builds_none(runner.state(f"prefix-{linear.patch}"))
        else:
            assert runner.history is not None
            git = GitBisect(Path(out) / "bisect.git", runner.trees)
            git.begin(runner.history.place, wanted.history)
            runner.builds_none(runner.history.state(git.current))
    begun, used = time.monotonic() - began, sum(os.times()[:4])
    clock = time.monotonic()
    how = WAYS[name]
    found = lineage.read(place, "topic", ["base"], first_parent=how.first_parent, paths=how.paths)
    read = time.monotonic() - clock
    sizes = [resource.getrusage(who).ru_maxrss / 1000 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    told = {
        "commits": len(found.commits),
        "begun": begun,
        "used": used,
        "read": read,
        "self": sizes[0],
        "git": sizes[1],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
