"""A database that goes away is answered as that, and comes back without a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from controlplane.distribution.application import wsgi
from controlplane.persistence.database import Database
from tests.support.distribution import RegistryClient, codes, plane_at

END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_connections_that_the_server_closed_are_opened_again(tmp_path: Path, postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    plane = plane_at(tmp_path, database)
    client = plane.client(plane.add_registry())
    client.push_image("app", "v1")
    token = client.scoped("repository:app:pull")
    assert token.get("/v2/app/manifests/v1").status_code == 200
    with other.read() as tx:
        tx.connection.execute(sa.text(END_OTHERS))
    assert token.get("/v2/app/manifests/v1").status_code == 200
    assert client.push_image("app", "v2", [b"new"])
    plane.close()
    database.dispose()
    other.dispose()


@pytest.mark.parametrize("path", ["/v2/", "/v2/app/manifests/v1", "/oauth2/token"])
def test_a_database_that_cannot_be_reached_is_503(
    tmp_path: Path, sqlite_database: Database, path: str
) -> None:
    whole = plane_at(tmp_path, sqlite_database)
    whole.add_registry()
    gone = Database(f"sqlite:///{tmp_path}/not/there.db")
    application = wsgi(replace(whole.services, database=gone))
    answer = RegistryClient(application).get(path)
    assert (answer.status_code, codes(answer)) == (503, ["UNAVAILABLE"])
    assert answer.headers["Retry-After"] == "2"
    application.close()
    whole.close()
    gone.dispose()
