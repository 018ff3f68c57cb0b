"""`--query`: JMESPath over the result."""

from __future__ import annotations

from typing import Any

from cli.errors import BadUsageError


def select(expression: str, result: Any) -> Any:
    """Return what a JMESPath expression selects; BadUsageError when it is not one.

    Objects that the expression builds keep the order in which it names their members.
    """
    import jmespath  # noqa: PLC0415 - only when a query is given
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415 - as above

    from cli.render.ordered import Ordered  # noqa: PLC0415 - as above

    try:
        return jmespath.search(expression, result, jmespath.Options(dict_cls=Ordered))
    except JMESPathError as problem:
        raise BadUsageError(f"argument --query: {problem}", hint="See https://jmespath.org.") from problem
