# SPDX-License-Identifier: GPL-2.0-only
"""``python -P -m kseries.solver SOURCE QUESTION ANSWER``, in a box, as kbuild/solving.py starts it."""

import sys
import tempfile
from pathlib import Path

import msgspec
from kconfiglib import KconfigError

from kseries.solver.question import Answer, Question
from kseries.solver.reading import Tree
from kseries.solver.search import Search

_DEEPEST = 20_000
"""Of Python's own calls: Kconfig's expressions are trees of pairs."""


def answer(source: Path, question: Question) -> Answer:
    """The options of a tree that a question is about. Raises KconfigError, OSError."""
    tree = Tree(source)
    with tempfile.NamedTemporaryFile("w", suffix=".config") as fragment:
        fragment.write(question.fragment)
        fragment.flush()
        tree.begin(Path(fragment.name), defaults=question.defaults)
    search = Search(tree, question.fixed)
    for wanted in question.wanted:
        search.have(wanted)
    return Answer(options=search.without_excess())


def main() -> int:
    """Read a question, write the answer; 1 where the tree's Kconfig is none that can be read."""
    source, asked, told = map(Path, sys.argv[1:4])
    sys.setrecursionlimit(_DEEPEST)
    try:
        found = answer(source, msgspec.json.decode(asked.read_bytes(), type=Question))
    except (KconfigError, OSError, RecursionError) as error:
        print(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        return 1
    told.write_bytes(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
