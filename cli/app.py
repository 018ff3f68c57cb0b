"""The tree as click groups: names and summaries at once, a command only when it is called."""

from __future__ import annotations

import click

from cli.errors import BadUsageError
from cli.tree import REGISTRY_LOGIN, ROOT, SHORTCUTS, Branch, Leaf

SETTINGS = {"help_option_names": ["-h", "--help"]}
_ACCOUNT_LOGIN_FLAGS = ("--service-principal", "--endpoint", "--help", "-h")


def _command(name: str, leaf: Leaf) -> click.Command:
    from cli.leaf import LeafCommand  # noqa: PLC0415 - listing commands imports none

    return LeafCommand(name, leaf)


class BranchGroup(click.Group):
    """A group that knows its children's names and summaries, and imports one when it is called."""

    def __init__(self, name: str, branch: Branch, *, hidden: frozenset[str] = frozenset()) -> None:
        super().__init__(name, help=branch.summary, context_settings=SETTINGS)
        self._children = branch.children
        self._hidden = hidden

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the children."""
        del ctx
        return sorted(self._children)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a child, None when there is none of that name."""
        del ctx
        child = self._children.get(cmd_name)
        if child is None:
            return None
        return BranchGroup(cmd_name, child) if isinstance(child, Branch) else _command(cmd_name, child)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the child named first; BadUsageError with the nearest names when there is none."""
        name = args[0]
        if name not in self._children and not ctx.resilient_parsing:
            import difflib  # noqa: PLC0415 - only for a mistake

            near = difflib.get_close_matches(name, self._children)
            hint = f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
            raise BadUsageError(f"'{name}' is not a command of {ctx.command_path}.", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List groups, then commands, from the table."""
        del ctx
        groups = {n: c.summary for n, c in self._children.items() if isinstance(c, Branch)}
        commands = {n: c.summary for n, c in self._children.items() if n not in groups}
        shown = {n: s for n, s in commands.items() if n not in self._hidden}
        for heading, entries in (("Groups", groups), ("Commands", shown)):
            if entries:
                with formatter.section(heading):
                    formatter.write_dl(sorted(entries.items()))
        if self._hidden:
            with formatter.section("Short for `acrctl registry …`, as in az acr"):
                formatter.write_text(", ".join(sorted(self._hidden)))


class RootGroup(BranchGroup):
    """The program itself: `login` means two things, told apart by its options."""

    def __init__(self) -> None:
        super().__init__("acrctl", ROOT, hidden=SHORTCUTS)
        version = click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help="Print the version.",
        )
        self.params.append(version)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the child named first; `login` with a registry's name is the registry's."""
        if args[0] == "login" and _is_registry_login(args[1:]):
            return "login", _command("login", REGISTRY_LOGIN), args[1:]
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415 - only when asked for

        print(f"acrctl {version('acrctl')}")
        ctx.exit()


def _is_registry_login(args: list[str]) -> bool:
    if any(a == "--name" or a.startswith(("-n", "--name=")) for a in args):
        return True
    if any(a.split("=")[0] in _ACCOUNT_LOGIN_FLAGS for a in args):
        return False
    from cli.profiles import ProfileStore, resolve  # noqa: PLC0415 - only for a bare `login`

    return bool(resolve(ProfileStore()).defaults.get("acr"))
