"""Plain-text scenarios: commands as a user types them, and what they must print.

A line that begins with ``$ `` is a command for bash; a command goes on in lines that begin with ``> ``. The
lines below it are the output (both streams): ``...`` within a line stands for any text, on a line of its
own for any lines. ``(exit 3)`` as the last line expects that exit code instead of 0. Exported variables and
the working folder are kept from one command to the next. Lines that begin with ``#`` are remarks.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_EXIT = re.compile(r"\(exit (\d+)\)")
_SECONDS = 120


@dataclass
class Command:
    """One command and what is expected of it."""

    line: int
    text: str
    expected: list[str] = field(default_factory=list)
    code: int = 0


def parse(text: str) -> list[Command]:
    """Read a scenario.

    Raises:
        ValueError: output stands before the first command.
    """
    commands: list[Command] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            continue
        if line.startswith("$ "):
            commands.append(Command(number, line[2:]))
        elif not commands:
            if line.strip():
                raise ValueError(f"line {number}: output before any command")
        elif line.startswith("> ") and not commands[-1].expected:
            commands[-1].text += "\n" + line[2:]
        elif found := _EXIT.fullmatch(line.strip()):
            commands[-1].code = int(found[1])
        else:
            commands[-1].expected.append(line.rstrip())
    return commands


class Session:
    """A user's shell: variables and the working folder live on between commands."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._memory = folder / ".session"

    def run(self, text: str) -> tuple[int, list[str]]:
        """Run one command; return its exit code and the lines it printed."""
        script = f"""
        [ -e "{self._memory}" ] && . "{self._memory}"
        trap 'declare -px > "{self._memory}"; printf "cd %q\\n" "$PWD" >> "{self._memory}"' EXIT
        {text}
        """
        done = subprocess.run(
            ["bash", "-u", "-o", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            text=True,
            check=False,
        )
        return done.returncode, [line.rstrip() for line in done.stdout.splitlines()]

    def play(self, command: Command) -> None:
        """Run a command of a scenario.

        Raises:
            AssertionError: it printed or returned something else.
        """
        code, printed = self.run(command.text)
        said = "\n".join(printed)
        assert code == command.code, f"line {command.line}: `{command.text}` returned {code}:\n{said}"
        assert matches(command.expected, printed), (
            f"line {command.line}: `{command.text}` printed\n{said}\n--- expected\n"
            + "\n".join(command.expected)
        )


def matches(expected: list[str], printed: list[str]) -> bool:
    """Tell whether the output is what a scenario expects. Empty lines at either end do not count."""
    pattern = "".join(_line_pattern(line) for line in _trimmed(expected))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _trimmed(printed))) is not None


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    return "[^\n]*?".join(re.escape(part) for part in line.split("...")) + r"\n"


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n") if any(lines) else []


def user_environment(folder: Path, programs: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of somebody who has just logged in and set the given variables."""
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "USER") if name in os.environ}
    return {**kept, "HOME": str(folder), "PATH": f"{programs}:{os.environ['PATH']}", **settings}
