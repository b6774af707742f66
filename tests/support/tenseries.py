# SPDX-License-Identifier: GPL-2.0-only
"""A maildir with ten series for the tiny kernel, as a list has them: versions, a RESEND, what is on top of another."""

import subprocess
from functools import partial
from pathlib import Path

from tests.support import tiny
from tests.support.gitrepo import Repository, lines
from tests.support.inbox import Maildir, posting
from tests.support.mails import reply

BLOCKS = 12
_APART = "\t/* nothing changes here */\n" * 8
JUDGED = ["2 v2 lib: Two blocks", "4 lib: Block 3", "3 lib: Block 4", "7 lib: Block 5", "8 lib: Break and mend"]
"""Those that are to be judged, in their order: what another is made on top of comes before that."""
STAGES = {
    "lib: Two blocks v1": "superseded",
    "lib: Two blocks v2": "done",
    "lib: Block 4 v1": "done",
    "lib: Block 3 v1": "done",
    "lib: Block 7 v1": "no-base",
    "hw: Not for us v1": "not-ours",
    "lib: Block 5 v1": "done",
    "lib: Break and mend v1": "done",
    "lib: Three that are two v1": "waiting",
}


class Linux:
    """A repository of the tiny kernel, of which each patch changes one block; ``base`` is a tag, and HEAD."""

    def __init__(self, place: Path, delay: int = 1) -> None:
        self.repository = Repository(place)
        self._kernel = tiny.kernel("one", delay, log="a tiny kernel\n")
        for name in ("lib", "main"):  # with a note of what is read, as kbuild has it
            noted = f"$(CC) -m32 -MD -MF $(O)/{name}.d -c -o $@ {name}.S"
            self._kernel["Makefile"] = self._kernel["Makefile"].replace(f"$(CC) -m32 -c -o $@ {name}.S", noted)
        self.repository.commit("base", {**self._kernel, "lib.S": _lib({}), "arch/x86/kvm/Kconfig": ""})
        self.repository.git("tag", "base")

    def commits(self, *changes: tuple[str, int, str], onto: str = "base", broken: int = 0, delay: int = 0) -> str:
        """A range of commits: each a subject, a block, what is new in it; ``broken`` fails a check.

        With ``delay`` each boots for long (tiny.kernel).
        """
        self.repository.git("checkout", "--quiet", "--detach", onto)
        for number, (subject, block, text) in enumerate(changes, 1):
            lib = (self.repository.path / "lib.S").read_text()
            files = {"lib.S": lib.replace(f'"block {block}: old"', f'"block {block}: {text}"')}
            if delay:
                files["main.S"] = tiny.kernel("one", delay, log="a tiny kernel\n")["main.S"]
            if broken:
                good, bad = "@    ok 1 a", "@    not ok 1 a"
                main = self._kernel["main.S"]
                files["main.S"] = main.replace(good, bad) if number == broken else main
            self.repository.commit(subject, files)
        tip = self.repository.git("rev-parse", "HEAD")
        self.repository.git("checkout", "--quiet", "base")
        return f"{onto}..{tip}"


def deliver(place: Path) -> tuple[Path, Path]:
    """Make them; the maildir, and the repository."""
    linux, mails = Linux(place / "linux"), Maildir(place / "mails")
    two = (("lib: Block 1", 1, "new"), ("lib: Block 2", 2, "new"))
    newer = (("lib: Block 1", 1, "newer"), ("lib: Block 2", 2, "newer"))
    first = posting(linux.repository, linux.commits(*two), "two", cover="lib: Two blocks", base="base")
    mails.deliver(*first, reply(first[1]))
    again = partial(posting, linux.repository, cover="lib: Two blocks", version=2, base="base")
    mails.deliver(*again(linux.commits(*newer), "two-v2", answers="two-0"))
    under = linux.commits(("lib: Block 3", 3, "new"))
    on_top = linux.commits(("lib: Block 4", 4, "new"), onto=under.rpartition(".")[2])
    mails.deliver(*posting(linux.repository, on_top, "four", trailers="Depends-on: <three-1@posted.example>\n"))
    mails.deliver(*posting(linux.repository, under, "three"))
    mails.deliver(
        *_elsewhere(place / "else", "lib: Block 7", "lib.S", _lib({20: "else"}), _lib({20: "else", 7: "new"}))
    )
    mails.deliver(*_elsewhere(place / "qemu", "hw: Not for us", "hw/x.c", lines(20), lines(20, line3="x")))
    mails.deliver(*posting(linux.repository, linux.commits(("lib: Block 5", 5, "new")), "five"))
    broken = linux.commits(("lib: Break", 6, "new"), ("lib: Mend", 8, "new"), broken=1)
    mails.deliver(*posting(linux.repository, broken, "break", cover="lib: Break and mend"))
    mails.deliver(*again(linux.commits(*newer), "again", prefix="PATCH RESEND"))
    lacking = linux.commits(("lib: Block 9", 9, "new"), ("lib: Block 10", 10, "new"))
    mails.deliver(*posting(linux.repository, lacking, "half", cover="lib: Three that are two")[:2])
    return mails.path, linux.repository.path


def _elsewhere(place: Path, subject: str, file: str, before: str, after: str) -> list[bytes]:
    """A patch that was made from a file that no tree of ours has so."""
    other = Repository(place)
    other.commit("base", {file: before})
    subprocess.run(["git", "-C", place, "tag", "base"], check=True)
    other.commit(subject, {file: after})
    return posting(other, "base..main", place.name)


def _lib(new: dict[int, str]) -> str:
    blocks = (f'\t.asciz "block {one}: {new.get(one, "old")}"\n' for one in range(1, max(BLOCKS, *new, 0) + 1))
    return tiny.LIB + _APART.join(("", *blocks))
