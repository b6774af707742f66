# SPDX-License-Identifier: GPL-2.0-only
"""What it costs to show a finished run again, from the launcher to the last report, and where that goes.

.venv/bin/python -m benchmarks.again [TARGET [OPTION..]]

The run has to be finished in the user's cache; what is shown goes to a folder that is gone afterwards. Each figure is
CPU seconds (user and system, children too) of the best of several, since others may be at work on the machine.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
_TIMES = 7
_PYTHON = TOP / ".venv" / "bin" / "python"
_STEPS = """
import contextlib, io, json, sys, time

began = time.process_time()
told, steps = [], {}

def step(name):
    now = time.process_time() + sum(__import__("os").times()[2:4])
    told.append((name, now))

step("begin")
from kseries import cli
from kseries.app import planning, session, setup
from kseries.cli import reporting, run
from kseries.evaluate.engine import Engine
from kseries.host import processes
step("imports")

def timed(module, name):
    work = getattr(module, name)
    def wrapped(*words, **how):
        began = time.process_time() + sum(__import__("os").times()[2:4])
        try:
            return work(*words, **how)
        finally:
            spent = time.process_time() + sum(__import__("os").times()[2:4]) - began
            steps[name] = steps.get(name, 0.0) + spent
    setattr(module, name, wrapped)

started = []
start = processes.run
def counted(argv, **how):
    started.append(argv[0])
    return start(argv, **how)
processes.run = counted
for module, name in ((setup, "setup_of"), (session, "setup_of"), (session, "plan"), (session.signals, "run"),
                     (session, "_in_turn"), (reporting, "make")):
    timed(module, name)
with contextlib.redirect_stdout(io.StringIO()):
    status = cli.main(sys.argv[1:])
step("all")
whole = told[-1][1]
print(json.dumps({"imports": told[1][1] - told[0][1], **steps, "all": whole, "processes": len(started)}))
"""
_TOLD = {
    "imports": "imports",
    "setup_of": "tools and their versions",
    "plan": "plan",
    "run": "known results, and their logs",
    "_in_turn": "what follows from them",
    "make": "reports",
}


def main() -> None:
    """Show a run some times, and print what that took."""
    words = sys.argv[1:] or ["testcases/exit-on-missing-split"]
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        run = [*words, "--out", str(Path(home) / "out")]
        first = _run([str(TOP / "kseries"), "run", *run])
        if " 0 of " not in first.stderr:
            sys.exit("this run is not finished: kseries run it first")
        _report("python starts", [str(_PYTHON), "-I", "-c", ""])
        _report("launcher and python, no command", [str(TOP / "kseries"), "--version"])
        whole = _report("all", [str(TOP / "kseries"), "run", *run])
        steps = min((_steps(run) for _ in range(_TIMES)), key=lambda one: one["all"])
    for name, words_ in _TOLD.items():
        print(f"  {words_:32} {steps[name]:6.3f} s")
    print(f"  {'the rest of it':32} {steps['all'] - sum(steps[name] for name in _TOLD):6.3f} s")
    print(f"  {steps['processes']:.0f} programs started; {whole:.2f} s of CPU time in all")


def _steps(run: Sequence[str]) -> dict[str, float]:
    env = {**os.environ, "PYTHONPATH": str(TOP / "harness")}
    done = subprocess.run(
        [_PYTHON, "-c", _STEPS, "run", *run], cwd=TOP, env=env, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _run(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _report(what: str, words: Sequence[str]) -> float:
    """Print the best of several, by CPU and by the clock; the CPU seconds."""
    taken = [_taken(words) for _ in range(_TIMES)]
    cpu, wall = min(cpu for cpu, _ in taken), min(wall for _, wall in taken)
    print(f"{what:34} {cpu:6.3f} s of CPU time, {wall:6.3f} s by the clock")
    return cpu


def _taken(words: Sequence[str]) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    _run(words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.monotonic() - began


if __name__ == "__main__":
    main()
