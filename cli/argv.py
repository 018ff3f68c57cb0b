"""Rewriting argument lists from argparse's habits, which az's users have, to click's.

Scripts written for az shorten long options (`--out tsv`), glue values to short ones (`-gmygroup`), give
several values to one option (`--tags a=1 b=2`) and leave the value of a switch out (`--admin-enabled`).
Every option is turned into `--flag=value`, which click reads without doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.errors import BadUsageError
from cli.spec import Kind, Option

_SWITCH = ("true", "false")
GROUP_MARK = "\x1f"
"""Joins the words of one use of an option that takes groups; no word on a command line has it."""


class _Reader:
    """Reads one argument list against the options of one command."""

    def __init__(self, options: Sequence[Option]) -> None:
        self.known = {flag: option for option in options for flag in option.flags}
        self.out: list[str] = []

    def read(self, argv: Sequence[str]) -> list[str]:
        """Return the rewritten list; everything after `--` stays as it is."""
        rest = list(argv)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return [*self.out, word, *rest]
            flag, glued = self._split(word)
            option = self.known.get(flag)
            if option is None:
                self.out.append(word)
            else:
                self._take(option, flag, glued, rest)
        return self.out

    def _split(self, word: str) -> tuple[str, str | None]:
        """Return the flag in full and the value glued to it, if any."""
        if word.startswith("--"):
            name, sep, value = word.partition("=")
            return self._expand(name), value if sep else None
        short = word[:2]
        if short in self.known and len(word) > len(short) and self.known[short].kind is not Kind.FLAG:
            return short, word[2:].removeprefix("=")
        return word, None

    def _expand(self, name: str) -> str:
        """Return the long option that a prefix stands for, or the prefix when it is not exactly one."""
        if name in self.known:
            return name
        found = [flag for flag in self.known if flag.startswith(name)]
        if len({self.known[flag].dest for flag in found}) > 1:
            raise BadUsageError(f"ambiguous option: {name} could match {', '.join(sorted(found))}")
        return found[0] if found else name

    def _take(self, option: Option, flag: str, glued: str | None, rest: list[str]) -> None:
        """Write one option with the values that belong to it."""
        if option.kind is Kind.FLAG and glued is None:
            self.out.append(flag)
            return
        values = list(_values(option, rest)) if glued is None else [glued]
        self.out += [f"{flag}={v}" if flag.startswith("--") else f"{flag}{v}" for v in values]
        if not values:
            raise BadUsageError(f"argument {option.label}: expected at least one argument")


def _values(option: Option, rest: list[str]) -> Iterable[str]:
    """Take the values of an option off the front of what is left."""
    if option.kind is Kind.SWITCH:
        return [rest.pop(0).lower() if rest and _is_value(rest[0]) else _SWITCH[0]]
    if option.kind in (Kind.WORDS, Kind.ANY_WORDS, Kind.GROUPS):
        words = []
        while rest and _is_value(rest[0]):
            words.append(rest.pop(0))
        if option.kind is Kind.GROUPS:
            return [GROUP_MARK.join(words)] if words else []
        return words or ([""] if option.kind is Kind.ANY_WORDS else [])
    return [rest.pop(0)] if rest else []


def _is_value(word: str) -> bool:
    return not word.startswith("-") or word == "-" or word[1:].isdigit()


def rewrite(argv: Sequence[str], options: Sequence[Option]) -> list[str]:
    """Return an argument list for click; BadUsageError when an option lacks its value."""
    return _Reader(options).read(argv)
