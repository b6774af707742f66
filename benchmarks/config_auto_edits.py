# SPDX-License-Identifier: GPL-2.0-only
"""One-line edits at random places that allyesconfig compiles, for benchmarks/config_auto.py: made once, and kept.

.venv/bin/python -m benchmarks.config_auto_edits > benchmarks/config_auto.txt

Of the C files below some folders of the default kernel as many are drawn as are needed, by a fixed seed. make
preprocesses each under allyesconfig of one architecture, else of the next (``make FILE.i`` goes through the Makefiles,
so that a file which that configuration leaves out is none of its targets). Of the lines that are left of the file
itself one is drawn.
"""

import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from kseries import arch as archs
from kseries.arch import Arch
from kseries.host import paths, processes
from kseries.kbuild.config import Config
from kseries.kbuild.make import make_argv
from kseries.sources import TreeStore, kernels

FOLDERS = ("kernel", "mm", "fs", "net", "block", "lib", "crypto", "drivers")
ARCHS = tuple(dict.fromkeys((archs.default(), *archs.known())))
EDITS = 200
_DRAWN = 300
"""Files: some are of other architectures, or of no kernel at all."""
_SEED = 26
_SECONDS = 3600
_MARKER = re.compile(r'# (?P<line>\d+) "(?P<file>[^"]*)"')
_CODE = re.compile(r"[A-Za-z0-9_]")


def main() -> None:
    """Print the list."""
    trees = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), lambda _: None)
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-", dir=paths.cache()) as home:
        source = Path(home) / "source"
        source.mkdir()
        trees.check_out(base.tree, source, Path(home) / "index")
        drawn = _drawn(source)
        lines: dict[str, tuple[str, int]] = {}
        for name in ARCHS:
            left = [path for path in drawn if path not in lines]
            found = _compiled(archs.get(name), source, Path(home) / name, left)
            lines |= {path: (name, line) for path, line in found.items()}
    print(f"# {base.name}: {sys.modules[__name__].__spec__.name}")  # type: ignore[union-attr]
    for path in [path for path in drawn if path in lines][:EDITS]:
        name, line = lines[path]
        print(f"{name} {path}:{line}")


def _drawn(source: Path) -> list[str]:
    files = sorted(str(path.relative_to(source)) for one in FOLDERS for path in (source / one).rglob("*.c"))
    return random.Random(_SEED).sample(files, _DRAWN)


def _compiled(arch: Arch, source: Path, obj: Path, files: list[str]) -> dict[str, int]:
    """Of those files that allyesconfig compiles, a line each that it compiles."""
    obj.mkdir()
    config = Config.of("")
    make(arch, config, source, obj, "allyesconfig")
    texts = preprocessed(arch, config, source, obj, files)
    draw = random.Random(f"{_SEED}{arch.name}")
    surviving = {path: sorted(lines_of(path, text)) for path, text in sorted(texts.items())}
    return {path: draw.choice(lines) for path, lines in surviving.items() if lines}


def make(arch: Arch, config: Config, source: Path, obj: Path, *words: str) -> bytes:
    """What make prints, however it ends."""
    argv = make_argv(arch, config, source, obj, words, jobs=2, cache="")
    return processes.run(argv, seconds=_SECONDS).stdout


def preprocessed(arch: Arch, config: Config, source: Path, obj: Path, files: list[str]) -> Mapping[str, str]:
    """Those of some files that a configuration has compiled, as the compiler gets to see them."""
    targets = [path.removesuffix(".c") + ".i" for path in files]
    for target in targets:
        (obj / target).unlink(missing_ok=True)
    make(arch, config, source, obj, "-k", *targets)
    there = ((path, obj / target) for path, target in zip(files, targets, strict=True))
    return {path: place.read_text(errors="replace") for path, place in there if place.is_file()}


def lines_of(path: str, text: str) -> frozenset[int]:
    """The lines of a source that are left of it with something in them."""
    return frozenset(_lines_of(path, text))


def _lines_of(path: str, text: str) -> Iterator[int]:
    number, own = 0, False
    for line in text.split("\n"):
        if marker := _MARKER.match(line):
            number, own = int(marker["line"]), marker["file"].endswith(path)
            continue
        if own and _CODE.search(line):
            yield number
        number += 1


if __name__ == "__main__":
    main()
