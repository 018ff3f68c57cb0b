"""Which repositories somebody may see in a list: where their names lie, and which of those they are.

Names are compared byte by byte. A span is a stretch of that order, so that a list is read only where there
can be something to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

# In the order of bytes, no character of a repository's name is as small as "!", and "0" follows "/".
_AFTER_NAME = "!"
_AFTER_SLASH = "0"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The names from ``first`` on that lie before ``end``; an empty ``end`` is that of all names."""

    first: str
    end: str

    @classmethod
    def of_name(cls, name: str) -> Span:
        """Return the span of one name alone."""
        return cls(name, name + _AFTER_NAME)

    @property
    def name(self) -> str | None:
        """The one name that the span is of, None when it is of several."""
        return self.first if self.end == self.first + _AFTER_NAME else None

    @classmethod
    def below(cls, prefix: str) -> Span:
        """Return the span of the names that begin with a prefix, which ends in a slash or is empty."""
        return cls(prefix, prefix and prefix[:-1] + _AFTER_SLASH)


ALL_NAMES = Span("", "")


@dataclass(frozen=True, slots=True)
class Visible:
    """What somebody may see: names within ``spans`` for which ``sees`` is true. Spans do not overlap."""

    spans: tuple[Span, ...]
    sees: Callable[[str], bool] | None = None

    def shows(self, name: str) -> bool:
        """Tell whether a name that lies within the spans may be seen."""
        return self.sees is None or self.sees(name)


EVERYTHING = Visible((ALL_NAMES,))
NOTHING = Visible(())


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same names as spans in order, none of which overlap."""
    found: list[Span] = []
    for span in sorted(spans):
        last = found[-1] if found else None
        if last is None or (last.end and span.first >= last.end):
            found.append(span)
        elif last.end and (not span.end or span.end > last.end):
            found[-1] = Span(last.first, span.end)
    return tuple(found)
