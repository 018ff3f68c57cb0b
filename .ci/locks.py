"""Checks that the lock files still pin everything that pyproject.toml and the .in files ask for."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """Return name and version of everything a lock file pins."""
    text = (ROOT / "requirements" / lock).read_text()
    return {canonicalize_name(name): version for name, version in PINNED.findall(text)}


def lines(name: str) -> list[str]:
    """Return the requirements of an .in file."""
    rows = (ROOT / "requirements" / name).read_text().splitlines()
    return [row for row in rows if row and not row.startswith("#")]


def main() -> int:
    """Print what does not agree; return how much that is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    base = project["project"]["dependencies"]
    server = base + project["project"]["optional-dependencies"]["server"]
    dev = server + project["dependency-groups"]["dev"]
    wanted = {
        "server.lock": server,
        "dev.lock": dev,
        "clients.lock": lines("clients.in"),
        "build.lock": lines("build.in"),
    }
    problems = []
    for lock, requirements in wanted.items():
        pinned = pins(lock)
        for requirement in map(Requirement, requirements):
            version = pinned.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                problems.append(f"requirements/{lock} has {version or 'nothing'} for {requirement}")
    both = pins("server.lock").items() - pins("dev.lock").items()
    problems += [f"server.lock and dev.lock differ about {name}" for name, _ in both]
    print("\n".join(problems) or "lock files agree with pyproject.toml")
    return len(problems)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
