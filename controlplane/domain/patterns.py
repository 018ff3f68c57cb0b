"""Regular expressions that callers send, matched in time linear in the text.

The engine is RE2, which has no backtracking: whatever the expression, a match costs time in proportion to the
text. Expressions that would take much memory are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

LONGEST = 256
_MEMORY = 1024 * 1024  # bytes an expression may take


def whole_match(expression: str) -> Callable[[str], bool]:
    """Return a test for texts that an expression describes as a whole.

    Raises:
        ValueError: it is no regular expression, or one that is too large.
    """
    compiled = _compiled(expression)
    return lambda text: compiled.fullmatch(text) is not None


def found_in(expression: str) -> Callable[[str], bool]:
    """Return a test for texts in which an expression is found somewhere; ``^`` and ``$`` bind it.

    Raises:
        ValueError: as for ``whole_match``.
    """
    compiled = _compiled(expression)
    return lambda text: compiled.search(text) is not None


def _compiled(expression: str) -> re2._Regexp:
    if len(expression) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it is no regular expression"
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
    except UnicodeError:
        raise ValueError("it is not text") from None
