# SPDX-License-Identifier: GPL-2.0-only
"""kseries watch from the command line: ten series for the tiny kernel are judged as they should be, and once."""

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import tenseries
from tests.support.commands import typed
from tests.support.inbox import Maildir, posting
from tests.support.tenseries import Linux

RUN = ("--", "--scenario", "prefixes", "--probe", "capabilities")
BUILT = ("--", "--scenario", "prefixes", "--build-only")


def queue(place: Path) -> list[dict[str, Any]]:
    listed = typed(place, "watch", "--list-queue", "--json")
    assert listed.returncode == 0, listed.stderr
    found: list[dict[str, Any]] = json.loads(listed.stdout)["series"]
    return found


def begun(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """The series that were begun, in their order."""
    return [line.split(": begun")[0].partition("#")[2] for line in done.stderr.splitlines() if line.endswith(": begun")]


def page(place: Path) -> dict[str, bytes]:
    top = place / "kseries-watch" / "page"
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*.html"))}


def test_ten_series_are_judged_as_they_should_be_in_their_order_and_once(tmp_path: Path) -> None:
    mails, linux = tenseries.deliver(tmp_path)
    watch = partial(
        typed, tmp_path, "watch", mails, "--tree", linux, "--once", *RUN, XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    done = watch()
    assert done.returncode == 0, done.stderr
    judged = [name for name in begun(done) if name[0] not in "56"]
    assert judged == [
        "2 v2 lib: Two blocks",
        "4 lib: Block 3",
        "3 lib: Block 4",
        "7 lib: Block 5",
        "8 lib: Break and mend",
    ]
    found = queue(tmp_path)
    stages = {f"{one['subject']} v{one['version']}": one["stage"] for one in found[:8]}
    assert stages == {name: stage for name, stage in tenseries.STAGES.items() if stage != "waiting"}
    assert [(one["stage"], one["told"]) for one in found[8:]] == [
        ("same", "the same patches as #2 (v2)"),
        ("waiting", "waiting for 2/2"),
    ]
    assert found[4]["told"].startswith("no base known: it names no base-commit; ")
    answers = {one["subject"]: one["full"]["headline"] for one in found if one.get("full")}
    assert answers["lib: Break and mend"] == "Not ready: the series is not bisectable at 1/2."
    assert [*answers.values()].count("Nothing was found, but not all could be judged.") == 4
    result = json.loads((tmp_path / "kseries-watch" / "series" / "0003" / "full" / "result.json").read_text())
    assert result["base"]["prerequisites"] == ["lib: Block 3"], "it is judged on top of what it depends on"
    shown = page(tmp_path)
    assert [*shown] == [f"000{n}/{which}/report.html" for n in (2, 3, 4, 7, 8) for which in ("full", "quick")] + [
        "index.html"
    ]
    assert b"not bisectable at 1/2" in shown["index.html"]

    again = watch()
    assert again.returncode == 0 and begun(again) == [], again.stderr
    assert page(tmp_path) == shown


def test_what_comes_later_is_judged_then(tmp_path: Path) -> None:
    linux, mails = Linux(tmp_path / "linux"), Maildir(tmp_path / "mails")
    some = posting(linux.repository, linux.commits(("lib: A", 1, "new"), ("lib: B", 2, "new")), "one", cover="lib: Two")
    watch = partial(
        typed, tmp_path, "watch", mails.path, "--tree", linux.repository.path, "--once", *BUILT,
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )  # fmt: skip
    mails.deliver(*some[:2])
    assert begun(watch()) == []
    mails.deliver(some[2])
    done = watch()
    assert begun(done) == ["1 lib: Two"], done.stderr
    (one,) = queue(tmp_path)
    assert (one["stage"], one["quick"]["states"], one["full"]["states"]) == ("done", [], [])
