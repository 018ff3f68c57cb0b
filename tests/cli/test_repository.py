"""`acrctl repository` and `registry login` through a registry's data plane."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.dataplane import parse_image
from cli.errors import CommandError
from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Service
from tests.cli.stand_in_data import DIGEST


def test_list_exchanges_the_identity_for_a_scoped_token(ready: Runner, service: Service) -> None:
    assert ready("repository", "list", "-n", "demo01", "-o", "tsv").out == "hello\nteam/app\n"
    exchanged = service.asked("POST", "/oauth2/exchange")[0].form
    assert exchanged["grant_type"] == "access_token"
    assert exchanged["access_token"] == "at:https://containerregistry.azure.net/.default"
    asked = service.asked("POST", "/oauth2/token")[-1].form
    assert asked["scope"] == "registry:catalog:*"
    assert (
        service.asked("GET", "/_catalog")[0].headers["authorization"] == "Bearer registry:registry:catalog:*"
    )


def test_list_follows_pages_and_stops_at_top(ready: Runner, service: Service) -> None:
    for number in range(250):
        service.tags[f"r{number:03}"] = {}
    assert len(ready("repository", "list", "-n", "demo01").json) == 252
    service.seen.clear()
    assert len(ready("repository", "list", "-n", "demo01", "--top", "120").json) == 120
    assert len(service.asked("GET", "/_catalog")) == 2


@pytest.mark.parametrize(
    ("image", "path", "key"),
    [
        ("hello:v1", "/acr/v1/hello/_tags/v1", "name"),
        (f"hello@{DIGEST}", f"/acr/v1/hello/_manifests/{DIGEST}", "imageSize"),
    ],
)
def test_show_of_an_image(ready: Runner, service: Service, image: str, path: str, key: str) -> None:
    shown = ready("repository", "show", "-n", "demo01", "--image", image)
    assert key in shown.json
    assert shown.json["digest"] == DIGEST
    assert service.seen[-1].path == path


def test_show_of_a_repository_with_a_slash(ready: Runner) -> None:
    shown = ready("repository", "show", "-n", "demo01", "--repository", "team/app")
    assert shown.json["imageName"] == "team/app"


def test_show_tags_names_or_details(ready: Runner, service: Service) -> None:
    names = ready(
        "repository", "show-tags", "-n", "demo01", "--repository", "hello", "--orderby", "time_desc"
    )
    assert names.json == ["v1", "v2"]
    assert service.asked("GET", "/_tags")[0].query == {"n": "100", "orderby": "timedesc"}
    detail = ready("repository", "show-tags", "-n", "demo01", "--repository", "hello", "--detail")
    assert detail.json[0]["digest"] == DIGEST


@pytest.mark.parametrize(
    "args", [("show", "--repository"), ("show-tags", "--repository"), ("untag", "--image")]
)
def test_what_is_missing_exits_3(ready: Runner, args: tuple[str, str]) -> None:
    shown = ready("repository", args[0], "-n", "demo01", args[1], "nosuch")
    assert shown.code == 3
    assert shown.err.startswith(("ERROR: (NAME_UNKNOWN)", "ERROR: (TAG_UNKNOWN)"))


def test_untag_keeps_the_other_tags(ready: Runner, service: Service) -> None:
    assert ready("repository", "untag", "-n", "demo01", "-t", "hello:v1").out == ""
    assert service.tags["hello"] == {"v2": DIGEST}
    assert service.asked("POST", "/oauth2/token")[-1].form["scope"] == "repository:hello:delete"


def test_delete_of_an_image_tells_every_tag_that_goes_with_it(ready: Runner, service: Service) -> None:
    refused = ready("repository", "delete", "-n", "demo01", "-t", "hello:v1")
    assert refused.code == 1
    assert service.tags["hello"]
    done = ready("repository", "delete", "-n", "demo01", "-t", "hello:v1", "--yes")
    assert "'hello:v1', 'hello:v2'" in done.err
    assert service.tags["hello"] == {}


def test_delete_of_a_repository(ready: Runner, service: Service) -> None:
    done = ready("repository", "delete", "-n", "demo01", "--repository", "team/app", "-y")
    assert done.json["tagsDeleted"] == ["x"]
    assert "team/app" not in service.tags


def test_a_user_name_and_password_replace_the_identity(ready: Runner, service: Service) -> None:
    shown = ready("repository", "list", "-n", "demo01", "-u", "demo01", "-p", "password-old", "-o", "tsv")
    assert shown.code == 0, shown.err
    assert not service.asked("POST", "/oauth2/exchange")
    wrong = ready("repository", "list", "-n", "demo01", "-u", "demo01", "-p", "nonsense")
    assert wrong.code == 4
    assert "nonsense" not in wrong.err


def test_a_login_server_needs_no_management_api(ready: Runner, service: Service) -> None:
    server = service.base.partition("//")[2]
    shown = ready("repository", "list", "-n", server, "-u", "demo01", "-p", "password-old")
    assert shown.code == 0, shown.err
    assert not service.asked("GET", "/subscriptions")


def test_credentials_do_not_follow_a_realm_to_another_host(ready: Runner, service: Service) -> None:
    registry = Answer(200, service.registries["demo01"])
    realm = 'Bearer realm="http://evil.example.com/oauth2/token",service="x"'
    service.next.extend([registry, Answer(401, None, {"WWW-Authenticate": realm})])
    shown = ready("repository", "list", "-n", "demo01", "-g", "rg1")
    assert shown.code == 1
    assert "another host" in shown.err
    assert [r.path for r in service.seen[-1:]] == ["/v2/"]


def test_a_registry_without_a_challenge_and_a_closed_one_are_told(ready: Runner, service: Service) -> None:
    registry = Answer(200, service.registries["demo01"])
    service.next.extend([registry, Answer(200)])
    assert "did not issue a challenge" in ready("repository", "list", "-n", "demo01", "-g", "rg1").err
    closed = Answer(403, {"errors": [{"code": "DENIED", "message": "client is not allowed"}]})
    service.next.extend([registry, closed])
    shown = ready("repository", "list", "-n", "demo01", "-g", "rg1")
    assert "network rules" in shown.err


@pytest.mark.parametrize("image", ["", ":v1", "a:b:c", "a@b", "@sha256:1", "a:"])
def test_a_name_that_is_no_image_is_refused(image: str) -> None:
    with pytest.raises(CommandError, match="does not name an image"):
        parse_image(image)


def test_an_image_without_tag_is_latest() -> None:
    assert parse_image("team/app") == ("team/app", "latest", "")


def test_login_can_expose_the_token(ready: Runner) -> None:
    shown = ready("login", "-n", "demo01", "--expose-token")
    assert set(shown.json) == {"accessToken", "loginServer", "refreshToken", "username"}
    assert shown.json["username"] == "00000000-0000-0000-0000-000000000000"
    assert "WARNING" in shown.err
    assert ready("login", "-n", "demo01", "--expose-token", "--only-show-errors").err == ""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container client that writes down how it was called, and refuses the password 'bad'."""
    program = tmp_path / "bin" / "skopeo"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'read secret; echo "$@" > {tmp_path}/words; echo "$secret" > {tmp_path}/secret\n'
        'if [ "$secret" = bad ]; then echo "invalid username/password" >&2; exit 1; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_COMMAND", str(program))
    return tmp_path


def test_login_hands_the_token_to_the_client_through_stdin(
    ready: Runner, service: Service, client: Path
) -> None:
    done = ready("registry", "login", "-n", "demo01")
    assert (done.code, done.out) == (0, "Login Succeeded\n"), done.err
    server = service.base.partition("//")[2]
    words = (client / "words").read_text().split()
    assert words == [
        "login",
        "--username",
        "00000000-0000-0000-0000-000000000000",
        "--password-stdin",
        server,
    ]
    assert (client / "secret").read_text() == "registry-refresh-token\n"


def test_login_gives_the_client_our_authority(
    ready: Runner, client: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = client / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    monkeypatch.setenv("ACRCTL_CA_FILE", str(authority))
    done = ready("login", "-n", "demo01", "-u", "demo01", "-p", "password-old")
    assert done.code == 0, done.err
    assert f"--cert-dir {config}/certs/local" in (client / "words").read_text()
    assert (config / "certs" / "local" / "ca.crt").read_text() == authority.read_text()


def test_a_refused_login_tells_what_the_client_said(ready: Runner, client: Path) -> None:
    done = ready("registry", "login", "-n", "demo01", "-u", "demo01", "-p", "bad")
    assert done.code == 1
    assert "invalid username/password" in done.err
    assert os.environ["DOCKER_COMMAND"] == str(client / "bin" / "skopeo")


def test_without_a_client_the_token_is_offered(ready: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    shown = ready("registry", "login", "-n", "demo01")
    assert shown.code == 1
    assert "--expose-token" in shown.err


def test_login_to_a_region(ready: Runner, service: Service, client: Path) -> None:
    name = service.base.partition("//")[2].split(".")[0]
    service.registries["demo01"]["properties"] |= {
        "regionalEndpoints": "Enabled",
        "regionalEndpointHostNames": [f"{name}.west.geo.example.com"],
    }
    assert ready("registry", "login", "-n", "demo01", "--endpoint", "west").code == 0
    assert f"{name}.west.geo.example.com" in (client / "words").read_text()
    assert ready("registry", "login", "-n", "demo01", "--endpoint", "east").code == 3
