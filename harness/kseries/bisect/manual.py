# SPDX-License-Identifier: GPL-2.0-only
"""A bisection with a person as the judge. git's own files are the session: whoever comes back goes on."""

from collections.abc import Callable

from kseries.bisect.answer import Question
from kseries.bisect.bisection import WORDS, Repository
from kseries.bisect.staterunner import StateRunner
from kseries.judge import evidence
from kseries.model import State
from kseries.model.errors import InputError, KseriesError
from kseries.model.sanitize import line, printable

_ANSWERS = ("good", "bad", "skip")
_WORDS = (*_ANSWERS, "try", "shell", "log", "quit")
_HELP = """\
  good, bad, skip  your answer, as git bisect takes it
  try              let the probes answer
  shell            a console in this state's guest, then ask again
  log              what was answered so far, as git bisect replay takes it
  quit             leave; the same command goes on from here"""


def run(
    runner: StateRunner, ask: Callable[[str], str], tell: Callable[[str], None], shell: Callable[[State], None]
) -> tuple[int, ...]:
    """Ask until git knows: the patches that are left to suspect, or none where the person left before.

    ``ask`` prints a prompt and returns a line, or raises EOFError; ``tell`` prints; ``shell`` gives them a console.
    """

    def say(text: str) -> None:
        tell(printable(text))  # subjects and errors are other people's text

    repository = Repository.of(runner)
    _begin(repository, say)
    while True:
        patch = repository.patch
        subject = runner.patches[patch - 1].subject
        word = _answer(f"{patch}/{len(runner.patches)} '{line(subject)}': ", ask, say)
        state = runner.state(f"prefix-{patch}")
        if word == "try":
            word = _tried(runner, state, say)
        if word == "shell":
            _shell(state, shell, say)
        elif word == "log":
            say(repository.git.log.rstrip())
        elif word == "quit":
            say("The same command goes on from here.")
            return ()
        elif word in _ANSWERS and (suspects := repository.mark(word)):
            _end(runner, repository, suspects, say)
            return suspects


def _begin(repository: Repository, say: Callable[[str], None]) -> None:
    if not repository.git.begun:
        repository.begin()
        say("base is taken for good, and the tip for bad. At each step:\n" + _HELP)
        return
    if repository.git.current not in repository.commits:
        raise InputError(
            f"{repository.path} holds a bisection of another series\n  name another --out, or remove that folder"
        )
    say(f"going on: {repository.git.answers} answers so far")


def _answer(prompt: str, ask: Callable[[str], str], say: Callable[[str], None]) -> str:
    """One of the words, or what they begin with and no other does."""
    while True:
        try:
            said = ask(prompt).strip().lower()
        except EOFError:
            return "quit"
        found = [word for word in _WORDS if said and word.startswith(said)]
        if len(found) == 1:
            return found[0]
        say(_HELP)


def _tried(runner: StateRunner, state: State, say: Callable[[str], None]) -> str:
    """What git is told by the answer of the probes; nothing where this host has none."""
    try:
        tried = runner.ask(Question(), state)
    except KseriesError as error:
        say(str(error))
        return ""
    say(f"{state.id}: {tried.answer}" + "".join(f"\n  {line(evidence.line(why))}" for why in tried.why[:3]))
    return WORDS[tried.answer]


def _shell(state: State, shell: Callable[[State], None], say: Callable[[str], None]) -> None:
    try:
        shell(state)
    except KseriesError as error:
        say(str(error))


def _end(runner: StateRunner, repository: Repository, suspects: tuple[int, ...], say: Callable[[str], None]) -> None:
    log = runner.out / "bisect.log"
    log.write_text(repository.git.log)
    repository.git.end()
    names = " or ".join(f"{number}/{len(runner.patches)} '{runner.patches[number - 1].subject}'" for number in suspects)
    say(f"The first bad patch is {names}.")
    say(f"What its revert would do: kseries try without-{suspects[0]}; the log is {log}")
