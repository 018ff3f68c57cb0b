"""The vocabulary in which commands are declared: options, commands, table columns.

Declarations are values, so that tests can compare them with az's own flags and help can be written from
them without running anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.session import Session

Args = SimpleNamespace
"""What the user gave, one attribute per option, None where nothing was given."""

Rows = Sequence[Mapping[str, Any]]


class Kind(Enum):
    """How an option takes its value."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"  # present or not
    SWITCH = "switch"  # `--x`, `--x true`, `--x false`
    WORDS = "words"  # one or more values: `--scopes a b`
    ANY_WORDS = "any-words"  # none or more values: `--tags`, `--tags a=1 b=2`
    GROUPS = "groups"  # one or more values that belong together, each time: `--x a b --x c d`
    POSITION = "position"  # not an option: a word of its own


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command.

    ``flags`` are written as az lists them, the long form names the attribute. ``fallback`` is the name of
    the configured default (`acrctl configure --defaults acr=…`) that fills it. ``refused`` is the reason
    why a flag that az has is not supported; using it is a usage error that says so.
    """

    flags: tuple[str, ...]
    help: str
    kind: Kind = Kind.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None
    fallback: str = ""
    refused: str = ""

    @property
    def dest(self) -> str:
        """The attribute under which the value is found."""
        long = next((f for f in self.flags if f.startswith("--")), self.flags[0])
        return long.lstrip("-").replace("-", "_").lower()

    @property
    def label(self) -> str:
        """How messages name the option, long form first as az does."""
        return "/".join(sorted(self.flags, key=lambda f: not f.startswith("--")))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: a heading and a path into the object; ``time`` shortens a timestamp."""

    heading: str
    path: str
    time: bool = False


Table = Sequence[Column] | Callable[[Any], Rows]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it takes, what it does, how its result looks as a table.

    ``examples`` are pairs of (what it shows, command line).
    """

    run: Callable[[Session, Args], object]
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    about: str = ""
    table: Table | None = None
