# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a C source that an ``#if`` on one option of the configuration leaves out.

Pure, and by the form of the line alone: no preprocessor is asked.
"""

import re
from collections.abc import Mapping, Set

from kseries.coverage.options import contrary, holds

_DIRECTIVE = re.compile(r"\s*#\s*(?P<word>ifdef|ifndef|if|elif|else|endif)\b(?P<rest>.*)")
_NAME = re.compile(r"CONFIG_(?P<option>\w+)")
_ENABLED = re.compile(r"(?P<no>!?)\s*(?:IS_(?:ENABLED|BUILTIN|REACHABLE)|defined)\s*\(?\s*CONFIG_(?P<option>\w+)\s*\)?")
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)|//.*")
_SAYS_NOTHING = re.compile(r"\s*(?:/\*|\*(?:[ /]|$)|//|$)")
"""A line of a comment, or an empty one: there is no code of it anywhere."""


def hidden(source: str, options: Set[str]) -> Mapping[int, str]:
    """The lines that an ``#if`` on one option leaves out, comments aside, each with that option (options.py).

    ``options`` are those that are =y. Of other conditions nothing is known, and what they hold counts as there.
    """
    found: dict[int, str] = {}
    open_: list[str] = []
    for number, line in enumerate(source.split("\n"), 1):
        directive = _DIRECTIVE.match(line)
        if directive is None:
            unmet = [one for one in open_ if one and not holds(one, options)]
            if unmet and not _SAYS_NOTHING.match(line):
                found[number] = unmet[0]
            continue
        word = directive["word"]
        if word.startswith("if"):
            open_.append(_asked(word, directive["rest"]))
        elif word == "endif" and open_:
            open_.pop()
        elif open_:
            # Of the third branch on, and of one that may follow another that holds, nothing is said.
            open_[-1] = contrary(open_[-1]) if word == "else" and open_[-1] else ""
    return found


def _asked(word: str, rest: str) -> str:
    """The one option that a conditional asks for; empty for any other."""
    form = {"if": _ENABLED, "ifdef": _NAME, "ifndef": _NAME}[word].fullmatch(_COMMENT.sub("", rest).strip())
    if form is None:
        return ""
    return f"!{form['option']}" if word == "ifndef" or form.groupdict().get("no") else form["option"]
