# SPDX-License-Identifier: GPL-2.0-only
"""One module is the front to each of what all use: whoever needs it goes through that."""

import ast
import hashlib
from pathlib import Path

from kseries.host import checksums, paths

PACKAGE = paths.project("harness", "kseries")
MODULES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def importers(package: str) -> set[str]:
    """The modules that import a package, or from it."""

    def of(node: ast.AST) -> list[str]:
        match node:
            case ast.Import(names=names):
                return [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                return [module]
        return []

    return {
        name for name, module in MODULES.items() if any(one == package for node in ast.walk(module) for one in of(node))
    }


def _moves(node: ast.AST) -> bool:
    """True for a call that gives a file another name: path.rename(other), path.replace(other), os.replace(a, b)."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    of = ast.unparse(node.func.value)
    if node.func.attr == "rename":
        return of != "files"
    return node.func.attr == "replace" and (of == "os" or (len(node.args) == 1 and not node.keywords))


def test_one_module_puts_files_in_the_place_of_others() -> None:
    moving = {name for name, module in MODULES.items() if any(map(_moves, ast.walk(module)))}
    assert moving == {"host/files.py", "host/turns.py"}, "a ticket, which holds nothing, is the only other"


def test_one_module_makes_digests_and_one_looks_at_those_of_git() -> None:
    assert importers("hashlib") == {"host/checksums.py", "sources/fsck.py"}


def test_one_module_speaks_to_sqlite() -> None:
    assert importers("sqlite3") == {"host/database.py"}


def _starts_git(node: ast.AST) -> bool:
    """True for a list of words with git in it: a command line, behind the words of what starts it if need be."""
    return isinstance(node, (ast.List, ast.Tuple)) and any(
        isinstance(word, ast.Constant) and word.value == "git" for word in node.elts
    )


def test_one_module_starts_git() -> None:
    starting = {name for name, module in MODULES.items() if any(map(_starts_git, ast.walk(module)))}
    assert starting == {"sources/git.py"}


def test_one_module_reads_hunks() -> None:
    constants = ((name, node) for name, module in MODULES.items() for node in ast.walk(module))
    values = ((name, node.value) for name, node in constants if isinstance(node, ast.Constant))
    told = {name for name, value in values if isinstance(value, str | bytes) and "@@ -" in repr(value)}
    assert told == {"sources/hunks.py", "sources/fitting.py", "inputs/strip.py"}, "the others write them, or new names"


def test_only_records_tell_architectures_apart() -> None:
    naming = {
        name
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and node.value in ("x86", "x86_64", "arm64", "aarch64")
    }
    # Of kconfigs.py are the symbols that Kconfig has for all that Linux runs on.
    assert naming == {"arch/x86_64.py", "arch/arm64.py", "coverage/kconfigs.py"}


def test_a_digest_is_the_sha256_of_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"said")
    assert checksums.of_bytes(b"said") == checksums.of_file(tmp_path / "file") == hashlib.sha256(b"said").hexdigest()
    with (tmp_path / "file").open("rb") as file:
        assert checksums.of_file(file) == checksums.of_bytes(b"said")


def test_words_have_their_digest_by_where_each_ends() -> None:
    digests = [checksums.of_words(words) for words in (["ab", "c"], ["a", "bc"], ["abc"], ["c", "ab"], ["ab", "c", ""])]
    assert len({*digests}) == len(digests)
    assert checksums.of_words(["\udcff"]) != checksums.of_words(["?"]), "a path need not be text"
