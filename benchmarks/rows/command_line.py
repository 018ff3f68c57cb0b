"""How long a user waits for the command line, milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.bench import Bench, Contest
from benchmarks.peers import azure
from benchmarks.peers.acrctl_server import BIN
from benchmarks.programs import TIMEOUT, BenchmarkError

_BARE = '''"""The smallest program click allows."""

import click


@click.group()
def main():
    """Do things."""


@main.command()
def thing():
    """Do one thing."""


main()
'''


def show_help(bench: Bench) -> Contest:
    """`acrctl --help` beside the help of a program of click with one command."""
    bare = bench.folder / "bare.py"
    bare.write_text(_BARE)
    env = dict(os.environ)
    return Contest(
        _milliseconds([str(BIN / "acrctl"), "--help"], env),
        _milliseconds([sys.executable, str(bare), "--help"], env),
    )


def list_registries(bench: Bench) -> Contest:
    """`acrctl registry list` beside `az acr list`, both logged in to our service."""
    return Contest(
        _milliseconds([str(BIN / "acrctl"), "registry", "list", "-o", "json"], bench.deployment.env),
        _milliseconds([azure.program(), "acr", "list", "-o", "json"], bench.azure_environment),
    )


def _milliseconds(command: list[str], env: dict[str, str]) -> Callable[[], float]:
    def measure() -> float:
        began = time.perf_counter()
        done = subprocess.run(command, env=env, capture_output=True, timeout=TIMEOUT, check=False)
        seconds = time.perf_counter() - began
        if done.returncode or not done.stdout:
            raise BenchmarkError(f"{command[0]} exited {done.returncode}: {done.stderr.decode()[-2000:]}")
        return seconds * 1000

    return measure
