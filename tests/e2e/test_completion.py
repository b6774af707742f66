# SPDX-License-Identifier: GPL-2.0-only
"""docs/completion in the shells that it is for: what the tab key makes of a line."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from kseries.cli.completion import FILES
from tests.support.commands import TOP

SCRIPTS = {shell: TOP / "docs" / "completion" / name for shell, name in FILES.items()}
_BASH = """
source {script}
complete -p kseries >/dev/null || exit 1
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_shtab_kseries
printf '%s\n' "${{COMPREPLY[@]}}"
"""
_ZSH = """\
{begin}
completed() {{ zle expand-or-complete; print -r -- "$BUFFER" >line; zle -U $'\\x04'; BUFFER= }}
zle -N completed; bindkey '^T' completed; bindkey -r '^I'; print rea''dy
"""


INSTALLED = f"fpath=({SCRIPTS['zsh'].parent} $fpath); autoload -U compinit; compinit -D -u"
"""How zsh finds it in a folder, as in that of the wheel, and how a user has it read in ~/.zshrc."""
READ = f'autoload -U compinit; compinit -D -u; eval "$(cat {SCRIPTS["zsh"]})"'


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def _output(home: Path, *words: str) -> str:
    done = subprocess.run(
        words, cwd=home, env=_environment(home), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def bash(line: str, home: Path) -> set[str]:
    script = _BASH.format(script=SCRIPTS["bash"], words=line)
    return {*filter(None, _output(home, "bash", "--norc", "--noprofile", "-c", script).splitlines())}


def fish(line: str, home: Path) -> set[str]:
    told = _output(home, "fish", "--no-config", "-c", f"source {SCRIPTS['fish']}; complete -C '{line}'")
    words = (row.partition("\t")[0].rstrip("/") for row in told.splitlines())
    return {word for word in words if word.startswith(line.rpartition(" ")[2])}  # others have the letters somewhere


def zsh(line: str, home: Path, begin: str = INSTALLED) -> set[str]:
    """Its completion works in a line editor alone: on a terminal, whose line it leaves as it was for what is none."""
    child = pexpect.spawn("zsh", ["-f", "-i"], env=_environment(home), cwd=home, timeout=60, encoding="utf-8")
    child.send(_ZSH.format(begin=begin))
    child.expect_exact("\nready")
    child.send(f"{line}\x14")
    child.expect(pexpect.EOF)
    child.close()
    before, after = line.rpartition(" ")[2], (home / "line").read_text().split()[-1]
    return {after.rstrip("/")} if after != before else set()


SHELLS: dict[str, Callable[[str, Path], set[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}
LINES = {
    "kseries doc": "doctor",
    "kseries run --build-o": "--build-only",
    "kseries run --promise sus": "suspect",
    "kseries run fi": "file.patch",
    "kseries run --quick --tree fo": "folder",
    "kseries run --out fo": "folder",
    "kseries run --scenario jou": "journey",
    "kseries report --format jun": "junit",
    "kseries publish file.patch --to kci": "kcidb",
    "kseries run --publish patchw": "patchwork",
    "kseries compare file.patch fi": "file.patch",
    "kseries demo --arch ar": "arm64",
    "kseries extra clu": "cluster",
    "kseries completion zs": "zsh",
    "kseries test --full demo-": "demo-7.3",
    "./kseries doc": "doctor",
    "kseries run --selftest fo": None,  # is neither a file nor one of some words
    "kseries eva": None,  # kseries starts it for itself
    "kseries len": None,
}


def test_each_script_is_tried() -> None:
    assert SHELLS.keys() == FILES.keys()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "word"), LINES.items())
def test_the_tab_key_ends_a_word(shell: str, line: str, word: str | None, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.patch").touch()
    assert SHELLS[shell](line, tmp_path) == ({word} if word is not None else set())


def test_zsh_may_read_it_in_its_own_words(tmp_path: Path) -> None:
    assert zsh("kseries doc", tmp_path, READ) == {"doctor"}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_file_is_no_folder(shell: str, tmp_path: Path) -> None:
    """zsh shows files where there is no folder, by its own rule (file-patterns in zshcompsys(1))."""
    (tmp_path / "file.patch").touch()
    assert SHELLS[shell]("kseries run --out fi", tmp_path) == set()
