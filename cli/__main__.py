"""The program `acrctl`: run a command, print its errors on stderr, exit with their code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from cli.app import RootGroup
from cli.errors import BadUsageError, CommandError, InterruptedByUserError
from cli.tree import ROOT, Branch


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line and exit.

    Codes: 0 ok, 1 error, 2 usage, 3 not found, 4 login needed, 5 conflict, 6 operation failed,
    7 timed out, 130 interrupted.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    sys.exit(run(args))


def run(args: list[str]) -> int:
    """Run one command line and return its exit code."""
    code = 0
    try:
        text = RootGroup().main(
            args, prog_name="acrctl", standalone_mode=False, complete_var="_ACRCTL_COMPLETE"
        )
        sys.stdout.write(text if isinstance(text, str) else "")
        sys.stdout.flush()
    except CommandError as error:
        code = _report(error, args)
    except click.exceptions.NoArgsIsHelpError as problem:
        print(problem.format_message())
    except click.ClickException as problem:
        code = _report(BadUsageError(problem.format_message()), args)
    except (KeyboardInterrupt, click.Abort):
        code = _report(InterruptedByUserError("Interrupted."), args)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as problem:  # noqa: BLE001 - the last resort of a program
        code = _surprise(problem, args)
    return code


def _report(error: CommandError, args: list[str]) -> int:
    lines = error.lines()
    if isinstance(error, BadUsageError) and not error.hint:
        lines.append(f"HINT: {_command_path(args)} --help shows examples.")
    print("\n".join(lines), file=sys.stderr)
    return error.exit_code


def _command_path(args: list[str]) -> str:
    """Return the command that the first arguments name, as far as they name one."""
    words, place = ["acrctl"], ROOT
    for word in args:
        child = place.children.get(word)
        if child is None:
            break
        words.append(word)
        if not isinstance(child, Branch):
            break
        place = child
    return " ".join(words)


def _surprise(problem: Exception, args: list[str]) -> int:
    if "--debug" in args:
        import traceback  # noqa: PLC0415 - rarely needed

        traceback.print_exception(problem)
    print(f"ERROR: Unexpected {type(problem).__name__}: {problem}", file=sys.stderr)
    if "--debug" not in args:
        print("HINT: --debug shows where.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
