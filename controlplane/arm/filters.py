"""The query option ``$filter`` of lists that take a few clauses, joined by ``and``."""

from __future__ import annotations

from collections.abc import Collection

from controlplane.domain.clauses import ClauseError, parse_clauses
from controlplane.kernel.catalogue import INVALID_PARAMETER
from controlplane.kernel.errors import Failure


def clauses_of(text: str | None, known: Collection[str]) -> dict[str, str | None]:
    """Return the values of a filter's clauses by their forms, such as ``roleName eq``.

    Raises:
        Failure: INVALID_PARAMETER for what is no filter, or a clause of another form than those known.
    """
    try:
        clauses = parse_clauses(text) if text else ()
    except ClauseError as error:
        raise Failure(INVALID_PARAMETER, reason=str(error), target="$filter") from None
    wanted = {clause.form: clause.value for clause in clauses}
    if not wanted.keys() <= set(known):
        raise Failure(INVALID_PARAMETER, reason=f"The filter '{text}' is not supported.", target="$filter")
    return wanted
