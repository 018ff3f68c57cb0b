"""Programs that are not ours: finding them, running them, and saying how to install what is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence

_PACKAGES = {"wrk": "wrk", "curl": "curl", "docker-registry": "docker-registry"}
TIMEOUT = 300.0


class BenchmarkError(Exception):
    """The benchmark cannot be run, or a side answered something it must not. The text says what to do."""


def need(program: str) -> str:
    """Return the path of a program of the system.

    Raises:
        BenchmarkError: it is not installed; with the command that installs it on Debian.
    """
    found = shutil.which(program)
    if found is None:
        hint = f"apt-get install --no-install-recommends {_PACKAGES.get(program, program)}"
        raise BenchmarkError(f"{program} is not installed. On Debian: {hint}")
    return found


def output(command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it wrote to standard output.

    Raises:
        BenchmarkError: it failed or took longer than `TIMEOUT` seconds; with the end of its errors.
    """
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=env
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{command[0]} did not end within {TIMEOUT:.0f} s") from error
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command[:4])} … exited {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def version_of(command: Sequence[str], word: int) -> str:
    """Return a word of the first line a program prints about its version; ``-`` when it is not there."""
    if shutil.which(command[0]) is None:
        return "-"
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    words = (done.stdout or done.stderr).split("\n", 1)[0].split()
    return words[word] if len(words) > word else "-"
