"""controlplane chores and controlplane audit: upkeep by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from controlplane.__main__ import main
from controlplane.persistence.database import Database
from tests.support.content import Content


@pytest.fixture
def content(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> Content:
    monkeypatch.setenv("ACRCTL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ACRCTL_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("ACRCTL_UPLOAD_GRACE", "0.001")
    monkeypatch.setenv("ACRCTL_RELEASE_GRACE", "0.001")
    return Content.begin(tmp_path, sqlite_database)


def controlplane(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_a_chore_is_done_now_and_listed(content: Content) -> None:
    content.push_blob("app", b"left alone")
    for _ in range(2):
        assert controlplane("chores", "run", "review-links").output == "review-links is done\n"
    assert controlplane("chores", "run", "review-blobs").exit_code == 0
    assert content.stored() == set()
    lines = controlplane("chores", "list").output.splitlines()
    done = {line.split()[0]: "never" not in line for line in lines}
    assert (done["review-links"], done["scrub"]) == (True, False)


def test_one_that_is_not_there_is_refused(content: Content) -> None:
    assert content.stored() == set()
    answer = controlplane("chores", "run", "nothing")
    assert answer.exit_code == 2
    assert "review-links" in answer.output


def test_an_audit_finds_what_does_not_add_up_and_corrects_it(content: Content) -> None:
    content.push_image("app", [b"layer"], "v1")
    assert controlplane("audit").output == "everything adds up\n"
    with content.services.database.write() as tx:
        for statement in (
            "UPDATE registries SET size = size + 1",
            "UPDATE repositories SET size = size - 1, manifest_count = 7, tag_count = 0",
            "UPDATE registry_blobs SET links = links + 1",
            "UPDATE repository_blobs SET released_at = 1 WHERE digest = (SELECT min(digest) FROM blobs)",
        ):
            tx.connection.execute(sa.text(statement))
    found = controlplane("audit")
    assert (found.exit_code, len(found.output.splitlines())) == (1, 8)
    assert "manifest_count of repositories app: stored 7, counted 1" in found.output
    assert controlplane("audit", "--fix").exit_code == 0
    assert controlplane("audit").output == "everything adds up\n"
    assert content.differences() == []


def test_what_only_a_push_can_mend_is_said(content: Content) -> None:
    digest = content.push_image("app", [b"layer"], "v1")
    with content.services.database.write() as tx:
        tx.connection.execute(sa.text("DELETE FROM manifest_edges WHERE kind = 'layer'"))
        tx.connection.execute(sa.text("UPDATE tags SET manifest_id = NULL"))
    for blob in content.services.blobs.walk(None, 1):
        content.services.blobs.delete(blob.digest)
    found = controlplane("audit", "--fix")
    assert found.exit_code == 1
    assert f"edges of app@{digest}: stored 1, counted 2" in found.output
    assert "tag of app:v1: stored current, counted names nothing" in found.output
    assert "counted none" in found.output
