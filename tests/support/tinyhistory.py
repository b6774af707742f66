# SPDX-License-Identifier: GPL-2.0-only
"""A history of the tiny kernel with a merge, a fault on the side that was merged, and a commit that is no kernel."""

from pathlib import Path

from tests.support import tiny
from tests.support.gitrepo import Repository

_APART = "\t/* nothing changes here */\n" * 8
_GOOD, _BAD = "@    ok 1 a", "@    not ok 1 a"
_BLOCKS = ("one", "two", "three", "four", "five", "six", "seven")
OTHER = "Documentation/page.rst"
"""A file that no kernel is built of."""


class TinyHistory(Repository):
    """Tags name its commits::

        old ── good ── two ── empty ── three ── merge ── bad
           └── four ── five ── fault ── six ──┘

    ``empty`` has no kernel in it, and ``fault`` has a check fail from there on. ``bad`` changes a page as well.
    """

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._blocks: set[str] = set()
        self._said = _GOOD
        self._add("old")
        for name in ("one", "two"):
            self._add({"one": "good"}.get(name, name), name)
        for path in (*tiny.kernel("one"), "arch/x86/kvm/Kconfig"):
            (self.path / path).unlink()
        self.commit("empty", {"README": "nothing\n"})
        self.git("tag", "empty")
        (self.path / "README").unlink()
        self._add("three", "three")
        self._side()
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "-m", "Merge branch 'side'", "side")
        self.git("tag", "merge")
        self._blocks |= {"one", "two", "three"}
        self._add("bad", "seven", **{OTHER: "a page\n"})

    def _side(self) -> None:
        self.git("checkout", "--quiet", "-b", "side", "old")
        self._blocks.clear()
        for name in ("four", "five"):
            self._add(name, name)
        self._said = _BAD
        self._add("fault")
        self._add("six", "six")

    def _add(self, name: str, block: str = "", **more: str) -> None:
        """A commit that changes one block, or what the check says."""
        self._blocks |= {block}
        files = tiny.kernel("one", log="a tiny kernel\n")
        files["main.S"] = files["main.S"].replace(_GOOD, self._said)
        for part in ("lib", "main"):  # with a note of what is read, as kbuild has it
            noted = f"$(CC) -m32 -MD -MF $(O)/{part}.d -c -o $@ {part}.S"
            files["Makefile"] = files["Makefile"].replace(f"$(CC) -m32 -c -o $@ {part}.S", noted)
        blocks = (f'\t.asciz "block {one}: {"new" if one in self._blocks else "old"}"\n' for one in _BLOCKS)
        lib = tiny.LIB + _APART.join(("", *blocks))
        self.commit(f"lib: Change {name}", {**files, "lib.S": lib, "arch/x86/kvm/Kconfig": "", **more})
        self.git("tag", name)

    def id(self, name: str) -> str:
        """The first digits of a commit that a tag names."""
        return self.git("rev-parse", f"{name}^{{commit}}")[:12]
