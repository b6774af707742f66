# SPDX-License-Identifier: GPL-2.0-only
"""One-line edits at random places that allyesconfig compiles, for benchmarks/config_auto.py: made once, and kept.

.venv/bin/python -m benchmarks.config_auto_edits > benchmarks/config_auto.txt

Of the C files below some folders of the default kernel as many are drawn as are needed, by a fixed seed. A file is
compiled under allyesconfig of one architecture, else of the next, where ``make -n FOLDER/`` says that its object would
be made. make preprocesses it, and of the lines that are left of the file itself one is drawn.
"""

import random
import re
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
COMPILES = re.compile(rb" -c -o (\S+\.o) ")
"""A command of kbuild's that makes an object."""
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
    print(f"# {base.name}: benchmarks.config_auto_edits")
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
    objects = _objects(arch, config, source, obj, {_made_from(source, path) for path in files})
    targets = {path: path.removesuffix(".c") + ".i" for path in files if path.removesuffix("c") + "o" in objects}
    for target in targets.values():
        (obj / target).unlink(missing_ok=True)
    if targets:
        make(arch, config, source, obj, "-k", *targets.values())
    there = ((path, obj / target) for path, target in targets.items())
    return {path: place.read_text(errors="replace") for path, place in there if place.is_file()}


def _made_from(source: Path, path: str) -> str:
    """The folder whose Makefile has a source: of a composite object, it may be one above."""
    above = (str(one) for one in Path(path).parents)
    return next(one for one in above if any((source / one / name).is_file() for name in ("Kbuild", "Makefile")))


def _objects(arch: Arch, config: Config, source: Path, obj: Path, folders: set[str]) -> frozenset[str]:
    """What make would compile of some folders. make FILE.i alone would do it for files that nobody has asked for."""
    make(arch, config, source, obj, "prepare")
    for built in (obj / folder / "built-in.a" for folder in folders):
        built.unlink(missing_ok=True)
    said = make(arch, config, source, obj, "-n", "-k", *(f"{folder}/" for folder in sorted(folders)))
    return frozenset(name.decode() for name in COMPILES.findall(said))


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
