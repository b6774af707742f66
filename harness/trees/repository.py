# SPDX-License-Identifier: GPL-2.0-only
"""A git repository of somebody's, which is read and not obeyed.

A tree that comes with a series can be a repository, whose configuration names programs: to watch its files, to filter
them, to check signatures, to fetch what is missing. None of what is asked here runs any; what git reads of its objects,
it reads as ours (TreeStore), with a configuration of ours.
"""

from pathlib import Path

from harness import proc

_GIT_SECONDS = 120
# Of the caller's own configuration, too: what is asked is read by a program. A file system's monitor is run by whoever
# reads the index, as a revision like :file does.
_CONFIG = {"log.showSignature": "false", "i18n.logOutputEncoding": "UTF-8", "core.fsmonitor": "false"}
# In a partial clone git fetches what it lacks, by the transport that the repository names.
_ENV = {"GIT_ALLOW_PROTOCOL": "", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def is_one(path: Path) -> bool:
    """True for a folder with a work tree's ``.git``, and for a bare repository."""
    return (path / ".git").exists() or (path / "HEAD").exists()


def around(path: Path) -> Path | None:
    """The top of the work tree that a folder lies in, as git finds it from there; None where it lies in none."""
    done = ask(path, "rev-parse", "--show-toplevel")
    return Path(done.text) if done.returncode == 0 and done.text else None


def tree_of(path: Path, revision: str) -> str | None:
    """The tree of a commit as git shows and checks it out there: of a replaced one (git-replace(1)) the other's.

    None where there is no such commit. Our store knows the objects of a repository, and not what replaces them.
    """
    done = ask(path, "rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}^{{tree}}")
    return done.text if done.returncode == 0 else None


def ask(path: Path, *words: str) -> proc.Done:
    """Ask git about revisions and commits. Not for what looks at a work tree: that runs programs."""
    config = [word for name, value in _CONFIG.items() for word in ("-c", f"{name}={value}")]
    return proc.run(["git", "-C", path, *config, *words], seconds=_GIT_SECONDS, env=_ENV)
