# SPDX-License-Identifier: GPL-2.0-only
"""kseries b4-check: what is known of a patch, for b4 to show. It builds and boots nothing."""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kseries.app import known
from kseries.app.known import Branch, Here
from kseries.cache.patchindex import PatchIndex
from kseries.host import paths
from kseries.inputs import checkedmail, files, lore
from kseries.inputs.checkedmail import CheckedMail, Tracking
from kseries.model.errors import TRACEBACK, InfraError, KseriesError
from kseries.model.sanitize import shortened, word
from kseries.report import b4
from kseries.report.b4 import Row
from kseries.report.knownpatch import Told, told, worst

NAME = "b4-check"
_HTML = "report.html"
_PREPARED = 'kseries run "$(b4 prep --show-info series-range)"; b4 prep -C --check'
_NO_PATCH = "this mail changes nothing that kseries could know of"
_MAIL = f"pipe a mail in, as in: git format-patch -1 --stdout | kseries {NAME}"
_DIGITS = 12
"""Those of a commit's id that name it."""
_SAID = 300
"""Characters of an error that nobody foresaw."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        NAME,
        help="what is known of a patch, for b4 to show",
        description="Read a patch as a mail from standard input, and print what finished runs know of it: as a check of"
        " b4 prep and b4 am, or with --json or --series of b4 review.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON: review-perpatch-check-cmd")
    parser.add_argument(
        "--series", action="store_true", help="of a whole series, by its cover letter: review-series-check-cmd"
    )
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 whatever is known; 2 for what is no mail, and 3 where this host or kseries fails.

    b4 takes a line on standard error, and an exit status without a line, for a patch that fails. So what kseries cannot
    tell is said on standard output, where it is a warning; whatever the reason, if nobody foresaw it, too.
    """
    try:
        said, status = _said(args), 0
    except KseriesError as error:
        said, status = _of_fault(args, str(error)), error.exit_status
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        why = f"internal error in kseries: {shortened(repr(error), _SAID)}"
        said, status = _of_fault(args, why), InfraError.exit_status
    print(said, end="")
    return status


def _said(args: argparse.Namespace) -> str:
    checked = checkedmail.read(files.standard_input(_MAIL))
    if args.series:
        return _json([_of_series(checked)])
    return _json(_rows(checked)) if args.json else "".join(f"{line}\n" for line in _lines(checked))


def _of_fault(args: argparse.Namespace, why: str) -> str:
    row = b4.row_of_fault(why)
    return _json([row]) if args.json or args.series else f"{row.summary}\n"


def _lines(checked: CheckedMail) -> Sequence[str]:
    here = Here.at(Path.cwd(), Tracking())
    how = _how(checked, here, Tracking())
    if not checked.patch_ids:
        return [_NO_PATCH]
    found = known.of_patch(PatchIndex(paths.cache()), checked, here)
    return b4.lines(told(found.known), how, found.unread) if found.known else [b4.nothing(how)]


def _rows(checked: CheckedMail) -> list[Row]:
    tracking = checkedmail.tracking(os.environ.get(checkedmail.TRACKING))
    here = Here.at(Path.cwd(), tracking)
    how = _how(checked, Here(), tracking)  # what is reviewed is nobody's to prepare
    if not checked.patch_ids:
        return [b4.row_of_fault(_NO_PATCH)]
    found = known.of_patch(PatchIndex(paths.cache()), checked, here)
    if not found.known:
        return [b4.row_of_nothing(how)]
    answers = told(found.known)
    return [b4.row(answers, how, _url(answers), found.unread)]


def _of_series(checked: CheckedMail) -> Row:
    tracking = checkedmail.tracking(os.environ.get(checkedmail.TRACKING))
    branch = Branch.at(Path.cwd(), tracking)
    tool = b4.SERIES_TOOL if checked.mail.has_diff else b4.TOOL
    how = _how(checked, Here(), tracking)
    found = known.of_series(PatchIndex(paths.cache()), checked, branch)
    if not found.known:
        return b4.row_of_nothing(how, series=True, tool=tool)
    numbers = range(1, found.known[0].patch.number + 1)
    patches = [told([one.at(number) for one in found.known]) for number in numbers]
    return b4.series_row(patches, how, _url([one for of_one in patches for one in of_one]), tool, found.unread)


def _how(checked: CheckedMail, here: Here, tracking: Tracking) -> str:
    """The command that makes known what is not, as far as can be told from where we are."""
    if tracking.branch and tracking.first:
        return f"kseries run {tracking.first[:_DIGITS]}~1..{tracking.branch}~1"
    if checked.mail.subject.text in here.subjects:
        return _PREPARED
    named = checked.mail.id
    return f"kseries run {shlex.quote(word(named)) if lore.is_one(named) else 'TARGET'}"


def _url(answers: Sequence[Told]) -> str:
    """Where the report lies to which the worst answer belongs."""
    page = worst(answers).known.directory / _HTML
    return page.resolve().as_uri() if page.is_file() else ""


def _json(rows: Sequence[Row]) -> str:
    return f"{msgspec.json.encode(rows).decode()}\n"
