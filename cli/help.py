"""Writing help: summary, what it does, options, and always examples, because people copy those first."""

from __future__ import annotations

import click

from cli.spec import Command, Kind, Option


def write(
    formatter: click.HelpFormatter, path: str, summary: str, command: Command, common: tuple[Option, ...]
) -> None:
    """Write the help of one command to a formatter."""
    formatter.write_usage(path, _usage(command))
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(summary)
        if command.about:
            formatter.write_paragraph()
            formatter.write_text(command.about)
    required = [o for o in command.options if o.required]
    optional = [o for o in command.options if not o.required and not o.refused]
    for heading, options in (("Required", required), ("Options", optional)):
        if options:
            with formatter.section(heading):
                formatter.write_dl([(_heading(option), _about(option)) for option in options])
    with formatter.section("Examples"):
        for number, (shows, line) in enumerate(command.examples):
            if number:
                formatter.write_paragraph()
            formatter.write_text(shows)
            with formatter.indentation():
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")
    with formatter.section("Global options"):
        formatter.write_dl([(_heading(option), _about(option)) for option in common])


def _usage(command: Command) -> str:
    words = [o.flags[0].upper() for o in command.options if o.kind is Kind.POSITION]
    return " ".join(["[OPTIONS]", *words])


def _heading(option: Option) -> str:
    flags = " ".join(sorted(option.flags, key=lambda f: not f.startswith("--")))
    if option.kind is Kind.POSITION:
        return option.flags[0].upper()
    if option.kind in (Kind.FLAG, Kind.SWITCH):
        return flags
    return f"{flags} {option.dest.rpartition('_')[2].upper()}"


def _about(option: Option) -> str:
    parts = [option.help]
    if option.choices:
        parts.append(f"One of: {', '.join(option.choices)}.")
    if option.kind is Kind.SWITCH:
        parts.append("true or false; true when the value is left out.")
    if option.default is not None:
        parts.append(f"Default: {option.default}.")
    if option.fallback:
        parts.append(f"Configurable: acrctl configure --defaults {option.fallback}=….")
    return " ".join(parts)
