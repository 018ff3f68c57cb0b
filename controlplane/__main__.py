"""The `controlplane` command: start, stop and look after the service."""

from __future__ import annotations

import importlib
from importlib.metadata import version

import click

# Command, module that defines it, and the line that --help prints. Nothing is loaded before it is called.
_COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("lifecycle:up", "Start everything on this machine and wait until it is ready."),
    "down": ("watching:down", "Stop everything that `up` started. Nothing is lost."),
    "status": ("watching:status", "Show what runs, where, and whether it is well."),
    "logs": ("watching:logs", "Print the logs of the processes."),
    "serve": ("processes:serve", "Serve one plane or all in the foreground."),
    "worker": ("processes:worker", "Run operations in the foreground (Celery)."),
    "relay": ("processes:relay", "Pass the outbox on to the broker in the foreground."),
    "db": ("database:db", "Migrate and check the database."),
    "owner": ("owner:owner", "Look after the owner service principal."),
    "keys": ("keys:keys", "Look after the keys that sign tokens."),
    "chores": ("upkeep:chores", "Show what is done over and over, and do some of it now."),
    "audit": ("upkeep:audit", "Count sizes and links again and compare."),
    "openapi": ("documents:openapi", "Print the OpenAPI document, or check the stored one."),
    "settings": ("documents:settings", "Print every setting and its value."),
    "coverage": ("documents:coverage", "Print which operations of Azure's API are served."),
    "supervise": ("supervising:supervise", ""),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import one command; None when there is none of that name."""
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name][0].partition(":")
        command: click.Command = getattr(
            importlib.import_module(f"controlplane.commands.{module}"), attribute
        )
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items() if line])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("acrctl"), prog_name="controlplane")
def main() -> None:
    """Run the registry service.

    Settings are environment variables that begin with ACRCTL_; `controlplane settings` lists them.
    """


if __name__ == "__main__":
    main(prog_name="controlplane")
