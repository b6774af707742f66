# SPDX-License-Identifier: GPL-2.0-only
"""A search for options that make a condition hold, beside all that held before: what is nearest is tried first.

Each option is set as a person would: what it depends on, then itself; one that cannot be asked for by what selects it,
or by what its default is. What turns out to be no way is undone. Kconfiglib says at each step what has become of an
option, so that nothing is believed that Kconfig would not do.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from kconfiglib import (
    AND,
    BOOL,
    EQUAL,
    NOT,
    OR,
    TRISTATE,
    UNEQUAL,
    UNKNOWN,
    Choice,
    Symbol,
    expr_items,
    expr_value,
)

from kseries.model.conditions import AllOf, Condition
from kseries.solver.reading import Tree

Expression = Any
"""As Kconfiglib has them: a symbol, a choice, or a tuple that begins with an operator."""
_YES, _NO = 2, 0
_MOST_STEPS = 20_000
"""Of one search: a kernel's own take some hundred."""


class OutOfStepsError(Exception):
    """A search took more steps than it has."""


class Search:
    """What is set beside a fragment; ``fixed`` are options that nothing may change."""

    def __init__(self, tree: Tree, fixed: Iterable[str] = ()) -> None:
        self._tree = tree
        self._fixed = {name: tree.syms[name].tri_value for name in fixed if name in tree.syms}
        self._held: list[Expression] = []
        self._trail: list[tuple[Symbol, int | None, Symbol | None]] = []
        self._meant: list[tuple[Expression, bool]] = []
        """What the search is about to make hold together, as far as it has come."""
        self._steps = 0

    def have(self, condition: Condition) -> bool:
        """Set what makes a condition hold; False, and nothing changed, where nothing was found that does."""
        wanted = self._expression(condition)
        mark, self._steps = len(self._trail), 0
        try:
            found = self._make(wanted, frozenset(), holds=True) and self._is(wanted, holds=True) and self._all_held()
        except (OutOfStepsError, RecursionError):
            found = False
        if found:
            self._held.append(wanted)
        else:
            self._back_to(mark)
        return found

    def without_excess(self) -> dict[str, str]:
        """What is set, y or n by its name, without what turns out not to be needed."""
        for symbol in reversed(self._set_symbols()):
            before, value = symbol.user_value, symbol.tri_value
            if symbol.choice is None and value != _NO:
                symbol.set_value(_NO)
                if not self._all_held():
                    symbol.set_value(before)
        return {
            one.name: one.str_value
            for one in self._set_symbols()
            if one.user_value == one.tri_value != self._first(one)
        }

    # --- what holds -----------------------------------------------------------------------------

    def _all_held(self) -> bool:
        fixed = all(self._tree.syms[name].tri_value == value for name, value in self._fixed.items())
        return fixed and all(self._is(one, holds=True) for one in self._held)

    def _is(self, expression: Expression, *, holds: bool) -> bool:
        return bool(expr_value(expression) == (_YES if holds else _NO))

    def _expression(self, condition: Condition) -> Expression:
        """Of an option that no Kconfig file defines, what is true of it."""
        if isinstance(condition, str):
            symbol = self._tree.syms.get(condition.removeprefix("!"), self._tree.n)
            if symbol.orig_type not in (BOOL, TRISTATE, UNKNOWN):  # #ifdef holds of a number, or a text
                symbol = self._tree.y if symbol.str_value else self._tree.n
            return (NOT, symbol) if condition.startswith("!") else symbol
        operator, none = (AND, self._tree.y) if isinstance(condition, AllOf) else (OR, self._tree.n)
        parts = [self._expression(one) for one in condition.of]
        found = parts[0] if parts else none
        for part in parts[1:]:
            found = (operator, found, part)
        return found

    # --- what is done ---------------------------------------------------------------------------

    def _make(self, what: Expression, above: frozenset[Symbol], *, holds: bool) -> bool:
        """Have an expression be y, or n; ``above`` are the options that it is for. What was set for nothing stays."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise OutOfStepsError
        if self._is(what, holds=holds):
            return True
        if isinstance(what, Symbol):
            return self._enable(what, above) if holds else self._disable(what, above)
        if isinstance(what, Choice):
            return holds and self._by(partial(self._make, _prompts(what, self._tree), above, holds=True), what)
        operator = what[0]
        if operator == NOT:
            return self._make(what[1], above, holds=not holds)
        if operator in (AND, OR):
            parts = list(_parts(what, operator))
            return (self._every if (operator == AND) is holds else self._some)(parts, above, holds=holds)
        return operator in (EQUAL, UNEQUAL) and self._compare(what, above, holds=(operator == EQUAL) is holds)

    def _every(self, parts: list[Expression], above: frozenset[Symbol], *, holds: bool) -> bool:
        """All parts; one that there is no way to beside those before it is tried before them."""
        mark, waiting = len(self._trail), sorted(parts, key=lambda one: _distance(one, holds=holds))
        for _ in parts:
            failed = self._first_to_fail(waiting, above, holds=holds)
            if failed is None:
                return True
            if failed == 0:
                return False
            self._back_to(mark)
            waiting.insert(0, waiting.pop(failed))
        return False

    def _first_to_fail(self, parts: list[Expression], above: frozenset[Symbol], *, holds: bool) -> int | None:
        """Which of some parts there is no way to that leaves those before it as they are."""
        begun = len(self._meant)
        try:
            for number, part in enumerate(parts):
                if not self._by(partial(self._make, part, above, holds=holds), part, holds=holds):
                    return number
                self._meant.append((part, holds))
            return None
        finally:
            del self._meant[begun:]

    def _some(self, parts: list[Expression], above: frozenset[Symbol], *, holds: bool) -> bool:
        for part in sorted(parts, key=lambda one: _distance(one, holds=holds)):
            if self._by(partial(self._make, part, above, holds=holds), part, holds=holds):
                return True
        return False

    def _compare(self, what: Expression, above: frozenset[Symbol], *, holds: bool) -> bool:
        """``A = y`` and the like; of two options, both are to be set, or neither."""
        _, left, right = what
        if left in (self._tree.y, self._tree.n, self._tree.m):
            left, right = right, left
        if right is self._tree.m:  # nothing is a module here
            return not holds
        if right is self._tree.y or right is self._tree.n:
            return self._make(left, above, holds=(right is self._tree.y) is holds)
        if {left.orig_type, right.orig_type} - {BOOL, TRISTATE}:
            return False
        same, other = (right, (NOT, right)) if holds else ((NOT, right), right)
        return self._some([(AND, left, same), (AND, (NOT, left), other)], above, holds=True)

    def _enable(self, symbol: Symbol, above: frozenset[Symbol]) -> bool:
        if symbol in above or symbol.is_constant or self._fixed.get(symbol.name, _YES) != _YES:
            return False
        if symbol.orig_type not in (BOOL, TRISTATE):
            return False
        within = above | {symbol}
        for way, asks in _ways(symbol, self._tree):
            if self._by(partial(self._go, symbol, way, within, asks=asks), symbol):
                return True
        return False

    def _go(self, symbol: Symbol, way: Expression, above: frozenset[Symbol], *, asks: bool) -> bool:
        if not self._make(way, above, holds=True):
            return False
        if asks:
            self._set(symbol, _YES)
        return True

    def _disable(self, symbol: Symbol, above: frozenset[Symbol]) -> bool:
        if symbol in above or symbol.is_constant or self._fixed.get(symbol.name, _NO) != _NO:
            return False
        within = above | {symbol}
        if symbol.choice is not None:
            others = [one for one in symbol.choice.syms if one is not symbol]
            return self._some(others, within, holds=True) and bool(symbol.tri_value == _NO)
        self._set(symbol, _NO)
        if symbol.tri_value != _NO and not self._make(symbol.rev_dep, within, holds=False):
            return False
        if symbol.tri_value != _NO and not any(node.prompt for node in symbol.nodes):
            defaults = [(AND, value, when) for value, when in symbol.defaults]
            return self._every(defaults, within, holds=False) and bool(symbol.tri_value == _NO)
        return bool(symbol.tri_value == _NO)

    # --- what is undone -------------------------------------------------------------------------

    def _by(self, way: Callable[[], bool], what: Expression, *, holds: bool = True) -> bool:
        """Whether a way leads to where something holds, and what was made before it for the same end; where it does
        not, nothing is left of it.
        """
        mark = len(self._trail)
        if way() and self._is(what, holds=holds) and all(self._is(one, holds=so) for one, so in self._meant):
            return True
        self._back_to(mark)
        return False

    def _set(self, symbol: Symbol, value: int) -> None:
        selected = symbol.choice.user_selection if symbol.choice is not None else None
        self._trail.append((symbol, symbol.user_value, selected))
        symbol.set_value(value)

    def _back_to(self, mark: int) -> None:
        while len(self._trail) > mark:
            symbol, value, selected = self._trail.pop()
            if symbol.choice is not None:
                symbol.choice.unset_value()
                if selected is not None:
                    selected.set_value(_YES)
            symbol.unset_value()
            if value is not None:
                symbol.set_value(value)

    def _set_symbols(self) -> list[Symbol]:
        return list(dict.fromkeys(symbol for symbol, _, _ in self._trail))

    def _first(self, symbol: Symbol) -> int | None:
        """What an option was before anything was set."""
        return next(value for one, value, _ in self._trail if one is symbol)


def _ways(symbol: Symbol, tree: Tree) -> Iterator[tuple[Expression, bool]]:
    """What would have to hold for an option to be y, the plainest first, and whether it is then asked for itself."""
    if any(node.prompt for node in symbol.nodes):
        yield _prompts(symbol, tree), True
    yield symbol.rev_dep, False
    for value, when in symbol.defaults:
        yield (AND, (AND, value, when), symbol.direct_dep), False
    yield (AND, symbol.weak_rev_dep, symbol.direct_dep), False


def _prompts(what: Symbol | Choice, tree: Tree) -> Expression:
    """When somebody can be asked for it."""
    found = tree.n
    for node in what.nodes:
        if node.prompt:
            found = node.prompt[1] if found is tree.n else (OR, found, node.prompt[1])
    return found


def _parts(expression: Expression, operator: int) -> Iterator[Expression]:
    if isinstance(expression, tuple) and expression[0] == operator:
        yield from _parts(expression[1], operator)
        yield from _parts(expression[2], operator)
    else:
        yield expression


def _distance(expression: Expression, *, holds: bool) -> int:
    """About how many options are not yet as an expression wants them."""
    if expr_value(expression) == (_YES if holds else _NO):
        return 0
    return 1 + sum(1 for one in expr_items(expression) if isinstance(one, Symbol) and one.tri_value != _YES)
