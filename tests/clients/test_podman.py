"""buildah and podman: what they build they push, as images and as lists of images, and pull back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.clients.conftest import Run, Service, need
from tests.clients.image import manifest_digest

pytestmark = pytest.mark.clients


@dataclass(frozen=True)
class Tool:
    """A program with a storage of its own, pointed at the registry."""

    service: Service
    command: tuple[str | Path, ...]
    remote: tuple[str | Path, ...]

    @property
    def name(self) -> str:
        """The program's name."""
        return Path(self.command[0]).name

    def __call__(self, *args: str | Path, check: bool = True) -> Run:
        return self.service.run(*self.command, *args, check=check)

    def over(self, verb: str, *args: str | Path, check: bool = True) -> Run:
        """Run a verb that talks to the registry."""
        return self(*verb.split(), *self.remote, *args, check=check)


@pytest.fixture(params=["buildah", "podman"])
def tool(
    request: pytest.FixtureRequest, service: Service, certificates: Path, credentials: str, tmp_path: Path
) -> Iterator[Tool]:
    extra = ("--runtime", "runc", "--cgroup-manager", "cgroupfs") if request.param == "podman" else ()
    remote = ("--creds", credentials, "--cert-dir", certificates)
    with TemporaryDirectory(prefix="run") as short:  # podman takes no path of more than 50 characters
        storage = ("--storage-driver", "vfs", "--root", tmp_path / "root", "--runroot", short)
        yield Tool(service, (need(request.param), *extra, *storage), remote)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder to build an image from."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY greeting /greeting\n")
    (folder / "greeting").write_text(f"hello from {tmp_path.name}\n")
    return folder


def names_of(tool: Tool) -> list[str]:
    """Return the names of the images in a tool's storage."""
    how = ("--format", "json") if tool.name == "podman" else ("--json",)
    images = json.loads(tool("images", *how).out)
    return [name for image in images for name in image.get("names") or image.get("Names") or []]


def test_what_is_built_is_pushed_and_pulled_back(tool: Tool, registry: dict[str, Any], context: Path) -> None:
    target = f"{registry['loginServer']}/built/{tool.name}:latest"
    tool("build" if tool.name == "podman" else "bud", "--isolation", "chroot", "-t", target, context)
    tool.over("push", target)
    tool("rmi", target)
    assert target not in names_of(tool)
    tool.over("pull", target)
    assert target in names_of(tool)


def test_a_list_of_images_is_pushed_with_all_of_them(
    tool: Tool, service: Service, registry: dict[str, Any], image: Path, certificates: Path, credentials: str
) -> None:
    repository = f"lists/{tool.name}"
    target = f"{registry['loginServer']}/{repository}:all"
    tool("manifest", "create", "the-list")
    tool("manifest", "add", "the-list", f"oci:{image}:v1")
    tool.over("manifest push", "--all", "the-list", f"docker://{target}")
    shown = service.run(
        need("skopeo"), "inspect", "--raw", "--creds", credentials, "--cert-dir", certificates,
        f"docker://{target}",
    ).json()  # fmt: skip
    assert [one["digest"] for one in shown["manifests"]] == [manifest_digest(image)]
    tool.over("pull", f"{registry['loginServer']}/{repository}@{manifest_digest(image)}")


def test_a_wrong_password_is_refused(tool: Tool, registry: dict[str, Any], certificates: Path) -> None:
    server = registry["loginServer"]
    done = tool(
        "login", "--cert-dir", certificates, "-u", registry["name"], "-p", "wrong", server, check=False
    )
    assert done.code != 0
    assert "invalid username/password" in done.err
