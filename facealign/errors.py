"""Errors that the user can fix."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class UserError(Exception):
    """One line: what is wrong, where, and what to do. Shown without a traceback."""


def check_choice(name: object, names: Iterable[str], where: str) -> None:
    """Raises `UserError` if `name` is not among `names`; `where` is the config field or flag."""
    names = sorted(names)
    if name not in names:
        close = difflib.get_close_matches(str(name), names, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        raise UserError(f"{where}={name!r} is unknown{meant}; choose from: {', '.join(names)}")


def lookup(table: Mapping[str, Value], name: str, where: str) -> Value:
    """table[name]; an unknown name raises as in `check_choice`."""
    check_choice(name, table, where)
    return table[name]
