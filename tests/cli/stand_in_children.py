"""What belongs to a registry, on the stand-in: kept as it was sent, with ETags."""

from __future__ import annotations

from typing import Any

from tests.cli.stand_in import Answer, Request, Service, error, route
from tests.cli.stand_in_arm import REGISTRY

CHILD = REGISTRY + "/{kind}/{child}"


def _etag(one: dict[str, Any]) -> dict[str, str]:
    return {"ETag": f'"{one["version"]}"'}


def _merged(base: Any, change: Any) -> Any:
    """Return the merge patch of two values, as the service's PATCH has it."""
    if not isinstance(change, dict):
        return change
    whole = dict(base) if isinstance(base, dict) else {}
    for name, value in change.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = _merged(whole.get(name), value)
    return whole


@route("GET", REGISTRY + "/(?P<kind>webhooks|tokens|scopeMaps|replications|cacheRules|credentialSets)")
def children(service: Service, request: Request) -> Answer:
    wanted = f"/{request.args['kind']}/".lower()
    return Answer(body={"value": [one for path, one in service.children.items() if wanted in path]})


@route("PUT", CHILD)
def put_child(service: Service, request: Request) -> Answer:
    properties = {"provisioningState": "Succeeded", **request.body.get("properties", {})}
    known = {"id": request.path, "name": request.args["child"], "version": 1}
    one = {**request.body, **known, "properties": properties}
    service.children[request.path.lower()] = one
    return Answer(201, one, _etag(one))


@route("GET", CHILD)
def get_child(service: Service, request: Request) -> Answer:
    one = service.children.get(request.path.lower())
    if one is None:
        return error(404, "ResourceNotFound", "There is no such resource.")
    return Answer(body=one, headers=_etag(one))


@route("PATCH", CHILD)
def patch_child(service: Service, request: Request) -> Answer:
    one = service.children[request.path.lower()]
    if request.headers.get("if-match", _etag(one)["ETag"]) != _etag(one)["ETag"]:
        return error(412, "PreconditionFailed", "It changed meanwhile.")
    changed = {**_merged(one, request.body), "version": one["version"] + 1}
    service.children[request.path.lower()] = changed
    return Answer(body=changed, headers=_etag(changed))


@route("DELETE", CHILD)
def delete_child(service: Service, request: Request) -> Answer:
    return Answer(204 if service.children.pop(request.path.lower(), None) is None else 200)


@route("POST", REGISTRY + "/generateCredentials")
def generate(service: Service, request: Request) -> Answer:
    names = [request.body["name"]] if "name" in request.body else ["password1", "password2"]
    made = [{"name": name, "value": f"{name}-secret", "expiry": request.body.get("expiry")} for name in names]
    one = service.children[request.body["tokenId"].lower()]
    one["properties"]["credentials"] = {"passwords": [{"name": name} for name in names]}
    return Answer(body={"username": one["name"], "passwords": made})
