# SPDX-License-Identifier: GPL-2.0-only
"""Fuzz one parser, guided by coverage: python -m tests.fuzz TARGET [SECONDS].

New inputs go to a folder below .tox/fuzz; what finds a fault goes into the corpus, where a unit test tries it again.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from tests.fuzz.targets import TARGETS

TOP = Path(__file__).resolve().parents[2]
_INPUT_SECONDS = 10
"""The longest that one input may take: a parser whose time grows with the square of it is a fault, too."""
_MOST_BYTES = 1 << 16


def main() -> None:
    """Fuzz until the time is over, or a fault is found (exit status 77)."""
    name, seconds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "600"
    found = TOP / ".tox" / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    words = [sys.argv[0], str(found), str(TOP / "tests" / "fuzz" / "corpus" / name)]
    words += [f"-max_total_time={seconds}", f"-timeout={_INPUT_SECONDS}", f"-max_len={_MOST_BYTES}"]
    words += [f"-artifact_prefix={found.parent}/{name}-", "-print_final_stats=1"]
    atheris.Setup(words, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
