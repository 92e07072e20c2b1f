"""Errors that the user can mend."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class UserError(Exception):
    """One line that says what is wrong, where, and what to do. Shown without a traceback."""


def nearest(name: str, names: Iterable[str]) -> str:
    """' (did you mean ...?)' for a misspelt name, or '' when nothing is close."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def lookup(table: Mapping[str, Value], name: str, where: str) -> Value:
    """table[name]; a `UserError` that names the config field `where` if there is no such name."""
    if not isinstance(name, str) or name not in table:
        names = ", ".join(sorted(table))
        raise UserError(
            f"{where}={name!r} is unknown{nearest(str(name), table)}; choose from: {names}"
        )
    return table[name]
