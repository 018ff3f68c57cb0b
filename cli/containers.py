"""Container clients on this machine: docker, podman, skopeo, buildah."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cli.errors import CommandError

CLIENTS = ("docker", "podman", "skopeo", "buildah")
_TAKE_CERT_DIR = ("podman", "skopeo", "buildah")


def find_client() -> str:
    """Return the container client to use: $DOCKER_COMMAND, else the first one installed.

    Raises CommandError when there is none, or when PATH leads into the current folder, where anyone may
    have put a program of that name.
    """
    wanted = os.environ.get("DOCKER_COMMAND")
    names = (wanted,) if wanted else CLIENTS
    found = next((name for name in names if shutil.which(name)), None)
    if found is None:
        raise CommandError(
            f"No container client was found ({', '.join(names)}).",
            hint="Use --expose-token to get a token instead, or set DOCKER_COMMAND.",
        )
    place = Path(str(shutil.which(found))).parent.resolve()
    if not Path(found).is_absolute() and place == Path.cwd():
        raise CommandError(f"'{found}' is in the current folder.", hint="Set DOCKER_COMMAND to a full path.")
    return found


def login(client: str, server: str, username: str, password: str, trust: dict[str, Path | None]) -> None:
    """Log a client in to a registry; the password goes through stdin, never through the argument list.

    ``trust`` holds a `bundle` and a `cert_dir` for the registry's certificate. Raises CommandError when
    the client refuses.
    """
    words = [client, "login", "--username", username, "--password-stdin"]
    environment = dict(os.environ)
    if trust.get("bundle"):
        environment["SSL_CERT_FILE"] = str(trust["bundle"])
    if trust.get("cert_dir") and Path(client).name in _TAKE_CERT_DIR:
        words += ["--cert-dir", str(trust["cert_dir"])]
    try:
        done = subprocess.run(  # noqa: S603 - the client was chosen by the user or found on PATH
            [*words, server], input=password.encode(), env=environment, capture_output=True, check=False
        )
    except OSError as problem:
        raise CommandError(f"Could not run '{client}': {problem}") from problem
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise CommandError(f"'{client} login' failed: {said}")


def version(client: str) -> str:
    """Return the first line that `--version` of a client prints, empty when it cannot run."""
    try:
        done = subprocess.run([client, "--version"], capture_output=True, check=False)  # noqa: S603 - as above
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip()
