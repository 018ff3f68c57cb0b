"""Row 14 of the attacks on a real server: request targets as no client library would send them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distribution.test_under_granian import Server, serve
from tests.support.distribution import MANIFEST, as_json, digest_of, image

SECRET = b"the content of a private repository"
CONFIG = as_json({})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Server]:
    """A server with a public and a private image, asked with a token for the public one."""
    with serve(tmp_path_factory.mktemp("server"), sqlite_template) as server:
        for repository, layer in (("public", b"public"), ("private", SECRET)):
            for content in (CONFIG, layer):
                server.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest_of(content)}", content)
            payload = as_json(image(CONFIG, [layer]))
            pushed = server.ask("PUT", f"/v2/{repository}/manifests/v1", payload, Content_Type=MANIFEST)
            assert pushed.status == 201
        answer = server.ask(
            "GET", f"/oauth2/token?scope=repository:public:pull&service=127.0.0.1:{server.port}"
        )
        server.authorization = f"Bearer {json.loads(answer.data)['access_token']}"
        yield server


def get(server: Server, target: str) -> tuple[int, bytes]:
    """Ask for a target, byte for byte."""
    with server.raw("GET", target, "Connection: close") as connection:
        answer = http.client.HTTPResponse(connection, method="GET")
        answer.begin()
        return answer.status, answer.read()


PATHS = (
    "/v2/public/../private/{rest}",
    "/v2/public/./../private/{rest}",
    "/v2/public/%2e%2e/private/{rest}",
    "/v2/public/%2E%2E%2Fprivate/{rest}",
    "/v2/public%2f..%2fprivate/{rest}",
    "/v2/public/..;/private/{rest}",
    "/v2/public%00/../private/{rest}",
    "/v2//private/{rest}",
    "//v2/private/{rest}",
    "/v2/private//{rest}",
    "/v2/private/{rest}/",
    "/v2/private/{rest}%00",
    "/v2/private/{rest}?/v2/public/{rest}",
    "/v2/public/manifests/v1/../../../private/{rest}",
    "/v2/public/blobs/../../private/{rest}",
    "/v2/private/{rest}#/v2/public",
    "/V2/private/{rest}",
    "/v2/PRIVATE/{rest}",
    "/v2/private\\..\\public/{rest}",
    "/acr/v1/../../v2/private/{rest}",
    "/v2/%70rivate/{rest}",
    "/v2/%2570rivate/{rest}",
)


@pytest.mark.parametrize("rest", ["manifests/v1", f"blobs/{digest_of(SECRET)}", "tags/list"])
def test_no_spelling_of_a_path_opens_another_repository(server: Server, rest: str) -> None:
    assert get(server, f"/v2/public/{rest.replace(digest_of(SECRET), digest_of(b'public'))}")[0] in {200, 401}
    for path in PATHS:
        status, body = get(server, path.format(rest=rest))
        assert 400 <= status < 500, path
        assert SECRET not in body, path


@pytest.mark.parametrize("host", ["evil.example.test", "", "127.0.0.1", "@", "a" * 5000])
def test_another_host_is_another_registry_or_none(server: Server, host: str) -> None:
    answer = server.ask("GET", "/v2/public/manifests/v1", Host=host)
    assert answer.status in {400, 404, 431}
