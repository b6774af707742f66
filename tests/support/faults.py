# SPDX-License-Identifier: GPL-2.0-only
"""The faults that tests/faults tries, as docs/faults.md has them: what is done to whom, when, and what it comes to."""

PROCESSES = (
    ("kill -9", "kseries", "configure", "interrupted", ""),
    ("kill -9", "kseries", "compile", "interrupted", ""),
    ("kill -9", "kseries", "link", "interrupted", ""),
    ("kill -9", "kseries", "boot", "interrupted", ""),
    ("kill -9", "bwrap", "configure", "infra-error", "make was killed"),
    ("kill -9", "bwrap", "compile", "infra-error", "make was killed"),
    ("kill -9", "bwrap", "link", "infra-error", "make was killed"),
    ("kill -9", "bwrap", "boot", "infra-error", ""),
    ("kill -9", "make", "configure", "infra-error", "make was killed"),
    ("kill -9", "make", "compile", "infra-error", "make was killed"),
    ("kill -9", "make", "link", "infra-error", "make was killed"),
    ("kill -9", "sh", "configure", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "sh", "link", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "ccache", "compile", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "cc1", "compile", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "qemu-system-x86", "boot", "infra-error", ""),
    ("kill -TERM", "qemu-system-x86", "boot", "infra-error", ""),
)
"""What is done to a process of a run, at which stage, what the state comes to, and the words of its detail."""

HOST = (
    ("kill -9", "kseries", "check-out", "interrupted"),
    ("kill -9", "kseries", "check-out, git goes on", "interrupted; the next run waits for git"),
    ("kill -9", "git", "check-out", "infra-error: git read-tree failed"),
    ("kill -9", "kseries", "copy of base's build folder", "interrupted"),
    ("kill -9", "cp", "copy of base's build folder", "the same verdicts"),
    ("kill -9", "kseries", "storing of a result", "interrupted"),
    ("kill -9", "kseries", "count of boots that failed by chance", "interrupted; counted once, by the next run"),
    ("kill -9", "kseries", "compile, another run waiting", "interrupted; the other goes on"),
    ("removed", "QEMU's folder", "boot", "the same verdicts"),
    ("of any name and length", "TMPDIR", "run", "the same verdicts"),
    ("set back", "the clock", "before a run", "the build folder is emptied"),
    ("set forward", "the clock", "before a run", "the same verdicts"),
    ("read-only", "the cache", "run", "exit 3: cannot use it"),
    ("read-only", "the cache", "plan of what is known", "the same plan"),
    ("read-only", "--out", "run", "exit 3: cannot use it"),
)
"""What a host does besides, to what, when, and what comes of it."""

CLUSTER = (
    ("kill -9", "a host's dask worker", "compile", "the same verdicts; another has its states"),
    ("kill -9", "a host's kseries worker", "compile", "the same verdicts; another has its states"),
    ("kill -STOP", "a host's dask worker", "compile", "the same verdicts; another has its states"),
    ("cut off, and back", "a host", "compile", "the same verdicts; another has its states"),
    ("full", "a host's disk", "run", "the same verdicts; another has its states"),
    ("kill -9", "three hosts, with one state", "compile", "that state's infra-error, which names them"),
    ("kill -9", "the scheduler", "compile", "exit 3, nothing is left; the next run goes on"),
    ("Ctrl-C", "kseries run", "compile", "interrupted, nothing is left on any host"),
    ("SIGTERM", "kseries run", "compile", "interrupted, nothing is left on any host"),
    ("kill -9", "kseries run", "compile", "interrupted, nothing is left on any host"),
    ("another version", "a host's kseries", "run", "the host is left out"),
)
"""What befalls a run on a cluster, to whom, when, and what comes of it."""

PUBLISHING = (
    *(
        ("kill -9", "kseries publish", stage, "each check is there once")
        for stage in ("a question", "its first post", "its third post", "its last post")
    ),
    ("started twice", "kseries publish", "the same time", "the second waits; each check is there once"),
    ("lost", "the list of what was posted", "next publish", "the server is asked; each check is there once"),
    ("none", "the cache", "publish", "exit 3: cannot write to it; nothing is posted"),
)
"""What befalls a run that is posted to a Patchwork, to whom, when, and what comes of it."""

WATCH = (
    ("kill -9", "kseries watch", "boot of a series", "nothing is left; the next watch goes on with it"),
    ("Ctrl-C", "kseries watch", "boot of a series", "130, nothing is left; the next watch goes on with it"),
    ("SIGTERM", "kseries watch", "boot of a series", "130, nothing is left; the next watch goes on with it"),
    ("another one", "kseries watch", "boot of a series", "exit 2: it names the first, which goes on"),
    ("of 50 MB", "a mail", "kseries watch", "told and passed over"),
    ("set back", "the clock", "between two watches", "the same order, and nothing is judged twice"),
)
"""What befalls a watch."""

STAGES = ("waiting", "check-out", "configure", "compile", "link", "boot")
SENT = ("Ctrl-C", "SIGTERM in the background")
SIGNALS = tuple(
    (how, stage, "interrupted, nothing is left") for stage in (*STAGES, "copy of base's build folder") for how in SENT
)
"""How a run is told to end, at which stage, and what comes of it."""

RESULT = ("observation.json", "build.log", "sha256.json")
NOTES = ("said.json", "dependencies.json", "configured", "series", "boot", "fragment.config", "sums.json", "obj/lib.o")
TREES = ("objects/pack/*.pack", "objects/pack/*.idx", "objects/??/*", "config")
DAMAGED = "exit 3: it is damaged; then made again"
CACHE = (
    *((how, f"results: {name}", "next run", "done again") for name in RESULT for how in ("cut", "bit")),
    *((how, f"build folder: {name}", "next run", "the same verdicts") for name in NOTES for how in ("cut", "bit")),
    *((how, "worker: index", "next run", "the same verdicts") for how in ("cut", "bit")),
    *((how, f"trees.git: {name}", "next plan", DAMAGED) for name in TREES for how in ("cut", "bit")),
    *((how, "trees.git: HEAD", "next plan", "the same plan") for how in ("cut", "bit")),
    *((how, "ccache, all of it", "next run", "the same verdicts") for how in ("cut", "bit")),
)
"""What becomes of files of the cache (CORRUPTIONS), of which ones, who meets them, and what comes of it."""
CORRUPTIONS = {"cut": "cut short", "bit": "a bit flipped"}
