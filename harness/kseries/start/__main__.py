# SPDX-License-Identifier: GPL-2.0-only
"""The first lines of kseries in Python: whose code is imported, and which exit status a failure has.

A clone's launcher starts them as ``python -I FOLDER``, that of a wheel with ``-E -P``. So Python leaves out the current
folder, PYTHONPATH and what else the environment may say to it (its page "Command line and environment"), and puts
FOLDER alone before its own. The current folder is often a kernel's tree, and what a patch adds there as /msgspec.py
would run as the user.
"""

import gc
import os
import sys

# No more than Python has imported already: from here on an import that fails is caught.

_HOST_FAILED, _NO_ANSWER = 3, 129
"""What keeps kseries from its work. To git bisect run anything up to 127 would be a word about the commit."""
_INTERRUPTED, _NO_READER = 130, 141
_YOUNG = 200_000
"""Objects that are made before Python looks for cycles among them. What we read lives as long as we do: to look through
it time and again is an eighth of a run of which all is known.
"""
_FINDINGS = 1
"""The highest exit status that says something of a patch."""


def main() -> int:
    """Run kseries; its exit status. Python itself exits with 1, which is a finding, for whatever nobody has caught."""
    gc.set_threshold(_YOUNG)
    failure = _NO_ANSWER if sys.argv[1:2] == ["try"] else _HOST_FAILED
    try:
        _fill_standard_files()
        _leave_relative_folders()
        status = _command(failure)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except BaseException as error:
        _tell(f"failed before it could say why: {error!r}")
        status = failure
    return _written(status, failure)


def _fill_standard_files() -> None:
    """Put something in the place of each standard file that is closed, which the next file to be opened would take.

    What is read from it, or written to standard output, fails as it did (EBADF in read(2)). Standard error is where
    progress goes, without which a run is a run.
    """
    for number, name, way, mode in (
        (0, "stdin", os.O_WRONLY, "r"),
        (1, "stdout", os.O_RDONLY, "w"),
        (2, "stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:  # Python found it closed
            os.dup2(os.open(os.devnull, way), number)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, errors="backslashreplace", closefd=False))  # noqa: SIM115


def _leave_relative_folders() -> None:
    """Have programs looked for in no folder that depends on where we are: '.', or nothing between two colons."""
    path = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder.startswith("/")]
    os.environ["PATH"] = os.pathsep.join(path) or os.defpath


def _command(failure: int) -> int:
    """Run the command that the arguments name; its exit status."""
    try:
        _import_package()
        from kseries import cli
    except Exception as error:
        _tell(f"its code, or a package that it needs, is damaged: {error!r}\n  remove .venv, or install kseries again")
        return failure
    try:
        return cli.main()
    except SystemExit as usage:  # argparse has said why
        return int(usage.code or 0)


def _import_package() -> None:
    """Import the package in which this file is, and make nothing that lies beside it a module.

    Beside it are the other folders of a clone, or all of site-packages, which are to come after what is Python's own.
    """
    from importlib import util
    from pathlib import Path

    folder = Path(__file__).absolute().parent
    if sys.path[0] == str(folder):
        del sys.path[0]
    place = folder.parent
    spec = util.spec_from_file_location(place.name, place / "__init__.py", submodule_search_locations=[str(place)])
    assert spec is not None and spec.loader is not None
    sys.modules[place.name] = util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[place.name])


def _written(status: int, failure: int) -> int:
    """The exit status in the end: what was found and could not be written, nobody has been told.

    What cannot be written is dropped. Python would try again as it ends, and exit with 120.
    """
    for number, file in ((1, sys.stdout), (2, sys.stderr)):
        try:
            file.flush()
        except (OSError, ValueError) as error:  # ValueError: it has been closed
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            if number == 1 and status <= _FINDINGS:
                status = _NO_READER if isinstance(error, BrokenPipeError) else failure
                if status == failure:
                    _tell(f"cannot write to standard output: {error}")
    return status


def _tell(words: str) -> None:
    try:  # noqa: SIM105 # contextlib may be what cannot be imported
        print(f"kseries: {words}", file=sys.stderr)
    except (OSError, ValueError):
        pass


if __name__ == "__main__":
    sys.exit(main())
