"""`acrctl repository purge`: what its filters mean, and that nothing goes that nobody agreed to."""

from __future__ import annotations

from typing import Any

import pytest

from cli.errors import BadUsageError
from cli.purge import parse, selected
from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Request, Service, route

CATALOG = ["hello", "my-app", "my.app", "team-a/api", "team-a/web"]


@route("POST", "/acr/v1/{repo*}/_purge")
def purge(service: Service, request: Request) -> Answer:
    """Take every tag of the repository; the service, not the client, reads patterns."""
    tags = sorted(service.tags[request.args["repo"]])
    if not request.body["dryRun"]:
        service.tags[request.args["repo"]].clear()
    return Answer(body={"tags": tags, "manifests": ["sha256:x"], "freed": 5})


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["hello:v.*"], [("hello", "^(?:(?:v.*))$")]),
        (["my.app:x"], [("my.app", "^(?:(?:x))$")]),
        (["my[.-]app:x"], [("my-app", "^(?:(?:x))$"), ("my.app", "^(?:(?:x))$")]),
        (["team-a/.*:x"], [("team-a/api", "^(?:(?:x))$"), ("team-a/web", "^(?:(?:x))$")]),
        (["(?:hello|none):a:b"], [("hello", "^(?:(?:a:b))$")]),
        (["hello:a", "hello:b"], [("hello", "^(?:(?:a)|(?:b))$")]),
        (["nothing.*:a"], []),
    ],
)
def test_filters_name_repositories_and_tags(filters: list[str], expected: list[tuple[str, str]]) -> None:
    assert selected([parse(one) for one in filters], lambda: CATALOG) == expected


def test_a_name_needs_no_catalog() -> None:
    def refuse() -> list[str]:
        raise AssertionError("the catalog was read")

    assert selected([parse("team-a/api:x")], refuse)


@pytest.mark.parametrize("text", ["hello", "hello:", ":x", "(:x", ""])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(BadUsageError, match="--filter"):
        parse(text)


PURGE = ("repository", "purge", "-n", "demo01", "--filter", "hello:v.*", "team/.*:x")


def test_a_dry_run_tells_what_would_go(ready: Runner, service: Service) -> None:
    shown = ready(*PURGE, "--ago", "7d", "--keep", "3", "--untagged", "--dry-run")
    assert {name: shown.json[name] for name in ("dryRun", "tags", "manifests", "freed")} == {
        "dryRun": True,
        "tags": 3,
        "manifests": 2,
        "freed": 10,
    }
    assert service.asked("POST", "/hello/_purge")[0].body == {
        "filter": "^(?:(?:v.*))$",
        "ago": "7d",
        "keep": 3,
        "untagged": True,
        "dryRun": True,
    }
    assert service.tags["hello"]


def test_without_agreement_nothing_goes(ready: Runner, service: Service) -> None:
    assert ready(*PURGE).code == 1
    assert all(request.body["dryRun"] for request in service.asked("POST", "/_purge"))
    assert service.tags["hello"]


def test_the_question_names_what_goes(ready: Runner, service: Service, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []

    def agree(question: str, **_: Any) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr("click.confirm", agree)
    assert ready(*PURGE).code == 0
    assert "hello:v1" in asked[0]
    assert "3 tags and 2 manifests (10 bytes)" in asked[0]
    assert not service.tags["hello"]


def test_agreement_beforehand_purges_at_once(ready: Runner, service: Service) -> None:
    done = ready(*PURGE, "--yes", "-o", "table")
    assert done.out.splitlines()[2].split() == ["hello", "2", "1", "5"]
    assert len(service.asked("POST", "/_purge")) == 2
