# SPDX-License-Identifier: GPL-2.0-only
"""``--publish patchwork=URL``: each patch of a run gets its checks, and none of them twice.

A post that the server has answered is noted (ledger.py). Before one that is not noted, the server is asked for what the
patch has. So nothing is said twice after a cut connection, or a kseries that was killed: what arrived is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kseries.model import AppliedPatch, RunResult
from kseries.model.errors import InputError
from kseries.model.sanitize import line
from kseries.publish import ledger
from kseries.publish.client import unanswered
from kseries.publish.exchange import FailedError, RefusedError
from kseries.publish.ledger import Ledger, Source
from kseries.publish.patchwork import checks
from kseries.publish.patchwork.checks import Check, News
from kseries.publish.patchwork.known import Known
from kseries.publish.patchwork.records import Posted, State
from kseries.publish.patchwork.server import VARIABLES, Server
from kseries.publish.patience import Patience
from kseries.publish.words import quoted, say
from kseries.report import contexts
from kseries.report.questions import Question
from kseries.report.reporter import FinishedRun

_NAMED = 5
"""Patches, or projects, that a line has room for."""
Wanted = Mapping[int, Sequence[Check]]
"""Checks by the number of their patch."""


class _PatchError(Exception):
    """Why one patch cannot have its checks, and what to do; others can."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.told = (what, todo)


@dataclass(frozen=True)
class Patchwork:
    """The reporter."""

    patience: Patience = field(default_factory=Patience)
    file: str = ""

    def check(self, to: str | None) -> None:
        self._server(to)

    def report(self, run: FinishedRun, to: str | None) -> None:
        server = self._server(to)
        with ledger.opened(server.place) as known:
            posting = _Posting(server, known, ledger.source(run.result), self.patience)
            try:
                posting.run(run)
            finally:
                if posting.summary:
                    say(posting.summary)

    def _server(self, to: str | None) -> Server:
        if to is None:
            raise InputError("which Patchwork?\n  patchwork=https://patchwork.kernel.org/project/kvm names one")
        return Server(to, self.patience)


class _Posting:
    """The checks of one run on their way."""

    def __init__(self, server: Server, ledger: Ledger, source: Source, patience: Patience) -> None:
        self._server = server
        self._ledger = ledger
        self._known = Known(ledger, server.project, source)
        self._patience = patience
        self._posted = 0
        self._there = 0
        self._before: dict[int, int] = {}
        """By a patch's number, the last check that it had when it was first asked for them."""

    @property
    def summary(self) -> str:
        """How much was said; empty where it did not come to that."""
        if not self._posted and not self._there:
            return ""
        plural = "" if self._posted == 1 else "s"
        return f"{self._server.host}: {self._posted} check{plural} posted, {self._there} there before"

    def run(self, run: FinishedRun) -> None:
        """Post what is news of each patch. Raises InputError in the end, where some patches could not be told."""
        patches = run.result.series.patches
        if not any(patch.message_id for patch in patches):
            raise InputError(
                "the series came without Message-IDs, by which a Patchwork knows patches: from commits, or from files\n"
                "  run its mails, as lore.kernel.org or Patchwork has them: an mbox, or a Message-ID"
            )
        wanted = checks.of(run)
        self._warn_of_another(run.result, wanted)
        timely = self._timely(patches, wanted)
        failed: dict[tuple[str, str], list[str]] = {}
        for patch in patches:
            try:
                self._patch(patch, timely[patch.number])
            except _PatchError as error:
                failed.setdefault(error.told, []).append(f"{patch.number}/{len(patches)}")
        self._complain(failed)

    def _complain(self, failed: dict[tuple[str, str], list[str]]) -> None:
        """Tell why patches have no checks: each reason once, the last as an error."""
        told = [f"{self._server.host}: {_few(numbers)}: {what}\n  {todo}" for (what, todo), numbers in failed.items()]
        for one in told[:-1]:
            say(one.replace("\n ", ";"))
        if told:
            raise InputError(told[-1])

    def _patch(self, patch: AppliedPatch, wanted: Sequence[Check]) -> None:
        left = [check for check in wanted if not self._known.is_noted(patch, check)]
        self._there += len(wanted) - len(left)
        if not any(self._known.matters(patch, check) for check in left):
            return
        try:
            number = self._number(patch)
            self._patience.until_done(self._server.host, lambda: self._post(number, patch, left))
        except RefusedError as error:
            raise self._refused(error) from None
        except FailedError as error:
            raise unanswered(self._server.host, error, "Patchwork") from None

    def _post(self, number: int, patch: AppliedPatch, wanted: Sequence[Check]) -> None:
        posted = tuple(self._ours(number, self._server.checks(number), wanted))
        for check in wanted:
            match checks.news(check, posted):
                case News.NEW:
                    answer = self._server.post(number, _document(check))
                    self._known.note(patch, check)
                    if answer.user is not None:
                        self._ledger.note_who(self._server.token, answer.user.id)
                    self._posted += 1
                case News.SAME if not self._known.is_noted(patch, check):
                    self._known.note(patch, check)
                    self._there += 1

    def _ours(self, number: int, posted: Sequence[Posted], wanted: Sequence[Check]) -> Iterator[Posted]:
        """The checks that are of the user whose token we have: of another's the server counts its own newest one.

        One that came since we first asked and says just what we were to say is ours, whoever the token's user is now.
        """
        before = self._before.setdefault(number, max((one.id for one in posted), default=0))
        who = self._ledger.who(self._server.token)
        ours = {(check.context, check.state or State.WARNING, check.description) for check in wanted}
        for one in posted:
            is_arrived = one.id > before and (one.context, one.state, one.description or "") in ours
            if who is None or one.user is None or one.user.id == who or is_arrived:
                yield one

    def _timely(self, patches: Sequence[AppliedPatch], wanted: Wanted) -> Wanted:
        """The checks of each patch, but for those of which a run that began later has said something else."""
        timely = {
            one.number: tuple(check for check in wanted[one.number] if not self._known.is_overtaken(one, check))
            for one in patches
        }
        if overtaken := sum(len(wanted[one]) - len(some) for one, some in timely.items()):
            plural = " is" if overtaken == 1 else "s are"
            say(f"{self._server.host}: {overtaken} check{plural} of a run that began later, left as they are")
        return timely

    def _warn_of_another(self, run: RunResult, wanted: Wanted) -> None:
        """Tell of a label that stands for two configurations. That a patch applies is so of any."""
        apply = contexts.context(run, Question.APPLY)
        of = ((one, check) for one in run.series.patches for check in wanted[one.number] if check.context != apply)
        if any(self._known.is_of_another_configuration(*one) for one in of):
            label = line(run.variant.label or run.arch)
            say(f"{self._server.host}: {label} was of another configuration: {ledger.LABELS}")

    # --- which patch it is ------------------------------------------------------------------

    def _number(self, patch: AppliedPatch) -> int:
        """The id of a patch there. A mail's own X-Patchwork-Id may be of another project, or of another Patchwork."""
        where = f" in project {self._server.project}" if self._server.project else ""
        if not patch.message_id:
            raise _PatchError("it has no Message-ID, by which a Patchwork would know it", "run the mail of it")
        found = {one.id: one.project.link_name for one in self._server.patches(patch.message_id)}
        if patch.patchwork in found:
            assert isinstance(patch.patchwork, int)
            return patch.patchwork
        if not found:
            raise _PatchError(f"no mail of that Message-ID is there{where}", "was it sent to that list? Is it new?")
        if len(found) > 1:
            projects = _few(sorted(found.values()))
            raise _PatchError(f"it is in several projects: {projects}", "name one of them: URL/project/NAME")
        return next(iter(found))

    def _refused(self, error: RefusedError) -> Exception:
        """What a refusal comes to: some are of the token or the project, others of one patch alone."""
        host = self._server.host
        if error.status == 401:
            return InputError(f"{host} does not know the token ({error})\n  copy it anew into {VARIABLES[0]}")
        if error.status == 403:
            return _PatchError(f"the token's user may post no checks ({error})", "only a maintainer of the project may")
        if error.status == 404:
            return _PatchError(f"it is not there ({error})", "is it the Patchwork that you mean?")
        todo = "is the project one of its own, and --url what others can open?"
        return InputError(f"{host} does not take that ({error})\n  {todo}")


def _document(check: Check) -> dict[str, str]:
    """As Patchwork takes it. Where it waits for what nobody will tell, that is worth a look."""
    link = {"target_url": check.target_url} if check.target_url else {}
    return {"context": check.context, "state": check.state or State.WARNING, "description": check.description, **link}


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return quoted(", ".join(names[:_NAMED])) + more


PATCHWORK = Patchwork()
