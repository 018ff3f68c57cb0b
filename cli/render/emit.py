"""The one renderer: choose the format, write to stdout."""

from __future__ import annotations

import sys
from typing import Any

from cli.render import text
from cli.spec import Table


def render(result: Any, output: str, table: Table | None, *, queried: bool) -> str:
    """Return a result as text in an output format; nothing for None and for the format `none`.

    ``queried`` says that the result was selected by `--query`: then the command's own table columns do
    not apply. Colours are left out where nobody sees them.
    """
    if result is None or output == "none":
        return ""
    if output == "table":
        from cli.render import tables  # noqa: PLC0415 - only for this format

        return tables.format_table(result, None if queried else table, queried=queried)
    if output == "tsv":
        return text.format_tsv(result)
    colour = output.endswith("c") and sys.stdout.isatty()
    if output.startswith("yaml"):
        plain = text.format_yaml(result)
        return text.coloured_yaml(plain) if colour else plain
    plain = text.format_json(result)
    return text.coloured_json(plain) if colour else plain
