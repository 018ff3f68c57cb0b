"""Click commands made of declarations: reading arguments, filling defaults, printing the result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from cli.argv import GROUP_MARK, rewrite
from cli.errors import BadUsageError
from cli.options import GLOBAL
from cli.session import Common, Session
from cli.spec import Args, Command, Kind, Option
from cli.tree import Leaf

HELP_FLAGS = ("-h", "--help")
_COMMON = {option.dest for option in GLOBAL}


if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic only in newer versions of click


class _OneOf(_ParamType):
    """One of the declared values, in any case, as az takes them."""

    name = "choice"

    def __init__(self, choices: Sequence[str]) -> None:
        self._by_lower = {choice.lower(): choice for choice in choices}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value as it is declared; a usage error lists what is allowed."""
        found = self._by_lower.get(str(value).lower())
        if found is None:
            allowed = ", ".join(self._by_lower.values())
            self.fail(f"'{value}' is not a valid value. Allowed values: {allowed}.", param, ctx)
        return found

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the values that begin as typed."""
        del ctx, param
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for completion

        values = self._by_lower.items()
        return [CompletionItem(v) for low, v in values if low.startswith(incomplete.lower())]


def _click_parameter(option: Option) -> click.Parameter:
    """Return click's form of an option. Whether it is required is checked later, after defaults."""
    if option.kind is Kind.POSITION:
        return click.Argument([option.dest], required=False)
    if option.kind is Kind.FLAG:
        return click.Option([*option.flags, option.dest], is_flag=True, default=False)
    choices = ("true", "false") if option.kind is Kind.SWITCH else option.choices
    kind: Any = _OneOf(choices) if choices else str
    if option.kind is Kind.NUMBER:
        kind = int
    many = option.kind in (Kind.WORDS, Kind.ANY_WORDS, Kind.GROUPS)
    return click.Option([*option.flags, option.dest], type=kind, multiple=many, default=None)


class LeafCommand(click.Command):
    """A command whose declaration is a value."""

    def __init__(self, name: str, leaf: Leaf) -> None:
        module = import_module(f"cli.commands.{leaf.module}")
        self.spec: Command = module.COMMANDS[leaf.key]
        super().__init__(
            name,
            params=[_click_parameter(option) for option in self.options],
            help=leaf.summary,
            context_settings={"help_option_names": [*HELP_FLAGS]},
        )

    @property
    def options(self) -> tuple[Option, ...]:
        """The command's own options and the global ones it does not replace."""
        own = {flag for option in self.spec.options for flag in option.flags}
        return (*self.spec.options, *(o for o in GLOBAL if not own.intersection(o.flags)))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, in argparse's manner too."""
        help_asked = any(token in HELP_FLAGS for token in args)
        given = args if ctx.resilient_parsing or help_asked else rewrite(args, self.options)
        return super().parse_args(ctx, given)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write summary, options and examples."""
        from cli import help as writer  # noqa: PLC0415 - only when help is asked for

        common = self.options[len(self.spec.options) :]
        writer.write(formatter, ctx.command_path, self.help or "", self.spec, common)

    def invoke(self, ctx: click.Context) -> str:
        """Run the command and return its result as text, ready to be printed."""
        session = Session(_common(ctx.params))
        args = Args(**_values(self.spec, ctx.params, session))
        result = self.spec.run(session, args)
        return _rendered(result, self.spec, session.common)


def _common(params: dict[str, Any]) -> Common:
    given = {name: params[name] for name in _COMMON if params.get(name)}
    given.setdefault("output", os.environ.get("ACRCTL_OUTPUT") or "json")
    if given["output"] not in GLOBAL[0].choices:
        raise BadUsageError(f"ACRCTL_OUTPUT: '{given['output']}' is not an output format")
    return Common(**given)


def _values(spec: Command, params: dict[str, Any], session: Session) -> dict[str, Any]:
    """Return the values of the command's own options, filled from defaults.

    Raises BadUsageError for missing and for refused options.
    """
    values, missing = {}, []
    for option in spec.options:
        value = _value(option, params[option.dest])
        if value is None and option.fallback:
            value = session.profile.defaults.get(option.fallback)
        if option.refused and value:
            raise BadUsageError(f"{option.label} is not supported: {option.refused}")
        if value is None and option.required:
            missing.append(option.label)
        values[option.dest] = value
    if missing:
        raise BadUsageError(f"the following arguments are required: {', '.join(missing)}")
    return values


def _value(option: Option, raw: Any) -> Any:
    if option.kind is Kind.FLAG:
        return bool(raw)
    if option.kind in (Kind.WORDS, Kind.ANY_WORDS):
        return list(raw) if raw else None
    if option.kind is Kind.GROUPS:
        return [group.split(GROUP_MARK) for group in raw] if raw else None
    value = option.default if raw is None else raw
    if option.kind is Kind.SWITCH:
        return None if value is None else value == "true"
    return int(value) if option.kind is Kind.NUMBER and value is not None else value


def _rendered(result: object, spec: Command, common: Common) -> str:
    from cli.render.emit import render  # noqa: PLC0415 - help prints no result
    from cli.shapes import add_resource_group  # noqa: PLC0415 - as above

    result = add_resource_group(result)
    if common.query:
        from cli.query import select  # noqa: PLC0415 - only when asked for

        result = select(common.query, result)
    return render(result, common.output, spec.table, queried=bool(common.query))
