# SPDX-License-Identifier: GPL-2.0-only
"""kseries run --publish, as typed: what a run of kernels that QEMU boots leaves for KCIDB, NIPA, GitHub and GitLab."""

import json
from pathlib import Path

from kcidb_io.schema import LATEST

from tests.support import kcidbs
from tests.support.checked import having as has
from tests.support.checked import kernel, main
from tests.support.commands import typed
from tests.support.gitrepo import Repository

LINKS = "https://ci.example.org/runs/42"
EVERYTHING = ("--publish", "kcidb", "--publish", "sarif", "--publish", "gitlab", "--publish", "nipa", "--url", LINKS)


def test_a_run_is_published_as_soon_as_it_is_done_and_again_by_itself(tmp_path: Path) -> None:
    linux = Repository(tmp_path / "linux")
    linux.commit("base", kernel(main(("works", "C && !A"), ("stays", "0"), stops="D && !C")))
    linux.git("tag", "base")
    linux.commit("prepare", has("a", 1))
    linux.commit("convert", has("c", 1))
    linux.commit("use", has("d", 1))
    words = ("--tree", str(linux.path), "--probe", "capabilities", "--scenario", "prefixes,reverts", "--out", "out",
             "--unboxed")  # so that the logs have paths of this host  # fmt: skip
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "KSERIES_KCIDB_ORIGIN": "my_ci"}
    done = typed(tmp_path, "run", "base..main", *words, *EVERYTHING, **env)
    assert done.returncode == 1, done.stderr
    out = tmp_path / "out"

    kcidbs.assert_taken(out)
    told = json.loads((out / "kcidb.json").read_text())
    LATEST.validate(told)
    prefixes = [one for one in told["checkouts"] if one["misc"]["kseries"]["scenario"] == "prefixes"]
    assert {one["git_commit_hash"] for one in prefixes} == {linux.git("rev-parse", "base")}
    assert [len(one["patchset_files"]) for one in prefixes] == [1, 2, 3]
    linked = [one[name] for kind in ("builds", "tests") for one in told[kind] for name in ("log_url",) if name in one]
    assert linked and all((out / url.removeprefix(f"{LINKS}/")).is_file() for url in linked)
    (issue,) = [one for one in told["issues"] if one["misc"]["kseries"]["kind"] == "silent-break"]
    (incident,) = [one for one in told["incidents"] if one["issue_id"] == issue["id"]]
    (test,) = [one for one in told["tests"] if one["id"] == incident["test_id"]]
    assert (test["path"], test["status"]) == ("kseries.capabilities.works", "FAIL")

    (results,) = [run["results"] for run in json.loads((out / "kseries.sarif").read_text())["runs"]]
    assert {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results}
    assert len(json.loads((out / "gl-code-quality.json").read_text())) == len(results)
    (revert,) = (out / "nipa").glob("*/1/kseries-revert-x86_64/retcode")
    assert revert.read_text() == "1"
    assert "NIPA will not upload" in done.stderr

    assert str(tmp_path) in (out / "states" / "without-2" / "build.log").read_text()
    (stopped,) = [one for one in told["builds"] if one["status"] == "FAIL"]
    assert "it does not build" in stopped["log_excerpt"]
    for path in (out / "kcidb.json", out / "kseries.sarif", *(out / "nipa").rglob("desc")):
        assert str(tmp_path) not in path.read_text(), "where it was run is nobody's business"

    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = typed(tmp_path, "publish", "out", *(word.replace("--publish", "--to") for word in EVERYTHING), **env)
    assert again.returncode == 0, again.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
