"""The distribution plane of the stand-in: challenge, tokens, catalog, tags, manifests."""

from __future__ import annotations

from typing import Any

from tests.cli.stand_in import Answer, Request, Service, route

DIGEST = "sha256:" + "a" * 64
FLAGS = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}
WHEN = {"createdTime": "2026-01-01T00:00:00Z", "lastUpdateTime": "2026-01-01T00:00:00Z"}


def _problem(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"errors": [{"code": code, "message": message, "detail": None}]})


@route("GET", "/v2/")
def challenge(service: Service, request: Request) -> Answer:
    host = request.headers["host"]
    answer = _problem(401, "UNAUTHORIZED", "authentication required")
    scheme = service.base.split(":")[0]
    answer.headers["WWW-Authenticate"] = f'Bearer realm="{scheme}://{host}/oauth2/token",service="{host}"'
    return answer


@route("POST", "/oauth2/exchange")
def exchange(_: Service, request: Request) -> Answer:
    if not request.form["access_token"].startswith("at:https://containerregistry.azure.net"):
        return _problem(401, "UNAUTHORIZED", "wrong audience")
    return Answer(body={"refresh_token": "registry-refresh-token"})


@route("POST", "/oauth2/token")
def token(_: Service, request: Request) -> Answer:
    form = request.form
    good = (
        form.get("refresh_token") == "registry-refresh-token"
        if form["grant_type"] == "refresh_token"
        else form.get("password") == "password-old"
    )
    if not good:
        return _problem(401, "UNAUTHORIZED", "authentication required")
    return Answer(body={"access_token": f"registry:{form['scope']}"})


def _tag(repository: str, service: Service, name: str) -> dict[str, Any]:
    digest = service.tags[repository][name]
    return {"name": name, "digest": digest, "signed": False, "changeableAttributes": FLAGS, **WHEN}


def _missing(service: Service, repository: str) -> bool:
    return repository not in service.tags


@route("GET", "/(v2|acr/v1)/_catalog")
def catalog(service: Service, request: Request) -> Answer:
    names = sorted(service.tags)
    last, size = request.query.get("last"), int(request.query["n"])
    rest = [n for n in names if last is None or n > last]
    page = rest[:size]
    more = len(rest) > size
    link = {"Link": f'</v2/_catalog?last={page[-1]}&n={size}&orderby=>; rel="next"'} if more else {}
    return Answer(body={"repositories": page}, headers=link)


@route("GET", "/acr/v1/{repo*}/_tags")
def tags(service: Service, request: Request) -> Answer:
    repo = request.args["repo"]
    if _missing(service, repo):
        return _problem(404, "NAME_UNKNOWN", f"repository {repo} is not found")
    found = [_tag(repo, service, name) for name in service.tags[repo]]
    return Answer(body={"registry": "x", "imageName": repo, "tags": found})


@route("GET", "/acr/v1/{repo*}/_tags/{tag}")
def tag(service: Service, request: Request) -> Answer:
    repo, name = request.args["repo"], request.args["tag"]
    if _missing(service, repo) or name not in service.tags[repo]:
        return _problem(404, "TAG_UNKNOWN", "the specified tag does not exist")
    return Answer(body={"registry": "x", "imageName": repo, "tag": _tag(repo, service, name)})


@route("GET", "/acr/v1/{repo*}/_manifests/{digest}")
def manifest(_: Service, request: Request) -> Answer:
    one = {"digest": request.args["digest"], "imageSize": 5, "changeableAttributes": FLAGS, **WHEN}
    return Answer(body={"registry": "x", "imageName": request.args["repo"], "manifest": one})


@route("DELETE", "/acr/v1/{repo*}/_tags/{tag}")
def untag(service: Service, request: Request) -> Answer:
    if service.tags.get(request.args["repo"], {}).pop(request.args["tag"], None) is None:
        return _problem(404, "TAG_UNKNOWN", "the specified tag does not exist")
    return Answer(202)


@route("DELETE", "/v2/{repo*}/manifests/{digest}")
def delete_manifest(service: Service, request: Request) -> Answer:
    held = service.tags[request.args["repo"]]
    for name in [n for n, d in held.items() if d == request.args["digest"]]:
        del held[name]
    return Answer(202)


@route("GET", "/acr/v1/{repo*}")
def repository(service: Service, request: Request) -> Answer:
    repo = request.args["repo"]
    if _missing(service, repo):
        return _problem(404, "NAME_UNKNOWN", f"repository {repo} is not found")
    count = len(service.tags[repo])
    body = {"registry": "x", "imageName": repo, "manifestCount": count, "tagCount": count}
    return Answer(body=body | {"changeableAttributes": FLAGS} | WHEN)


@route("DELETE", "/acr/v1/{repo*}")
def delete_repository(service: Service, request: Request) -> Answer:
    gone = service.tags.pop(request.args["repo"], None)
    if gone is None:
        return _problem(404, "NAME_UNKNOWN", "repository is not found")
    return Answer(202, {"manifestsDeleted": sorted(set(gone.values())), "tagsDeleted": sorted(gone)})
