"""The management plane of the stand-in."""

from __future__ import annotations

import uuid
from typing import Any

from tests.cli.stand_in import (
    APP_ID,
    SUBSCRIPTION,
    TENANT,
    Answer,
    Request,
    Service,
    error,
    route,
)

SUB = "/subscriptions/{sub}"
GROUP = SUB + "/resourcegroups/{group}"
PROVIDER = "/providers/Microsoft.ContainerRegistry"
REGISTRIES = GROUP + PROVIDER + "/registries"
REGISTRY = REGISTRIES + "/{name}"


@route("GET", "/subscriptions")
def subscriptions(_: Service, __: Request) -> Answer:
    one = {
        "id": f"/subscriptions/{SUBSCRIPTION}",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "Local",
        "state": "Enabled",
    }
    return Answer(body={"value": [one]})


@route("GET", "/tenants")
def tenants(_: Service, __: Request) -> Answer:
    return Answer(body={"value": [{"id": f"/tenants/{TENANT}", "tenantId": TENANT}]})


def _group(service: Service, name: str) -> dict[str, Any] | None:
    return service.groups.get(name.lower())


@route("PUT", GROUP)
def put_group(service: Service, request: Request) -> Answer:
    name = request.args["group"]
    group = {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        "properties": {"provisioningState": "Succeeded"},
    }
    fresh = name.lower() not in service.groups
    service.groups[name.lower()] = group
    return Answer(201 if fresh else 200, group)


@route("GET", GROUP)
def get_group(service: Service, request: Request) -> Answer:
    group = _group(service, request.args["group"])
    if group is None:
        return error(
            404, "ResourceGroupNotFound", f"Resource group '{request.args['group']}' could not be found."
        )
    return Answer(body=group)


@route("HEAD", GROUP)
def head_group(service: Service, request: Request) -> Answer:
    return Answer(204 if _group(service, request.args["group"]) else 404)


@route("GET", SUB + "/resourcegroups")
def list_groups(service: Service, _: Request) -> Answer:
    return Answer(body={"value": list(service.groups.values())})


@route("DELETE", GROUP)
def delete_group(service: Service, request: Request) -> Answer:
    if service.groups.pop(request.args["group"].lower(), None) is None:
        return error(404, "ResourceGroupNotFound", "Resource group could not be found.")
    return Answer(202, None, {"Location": _operation(service, "delete"), "Retry-After": "1"})


@route("GET", SUB + "/resources")
def resources(service: Service, _: Request) -> Answer:
    keys = ("id", "name", "type", "location")
    return Answer(body={"value": [{k: r[k] for k in keys} for r in service.registries.values()]})


def _operation(service: Service, kind: str, **members: Any) -> str:
    name = str(uuid.uuid4())
    service.operations[name] = {
        "id": f"/subscriptions/{SUBSCRIPTION}{PROVIDER}/operationStatuses/{name}",
        "name": name,
        "operationId": name,
        "operation": kind,
        "resourceId": "",
        "status": "Running",
        "percentComplete": 10,
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": None,
        "error": None,
        "attempt": 1,
        "left": service.polls,
    } | members
    leaf = "operationStatuses" if kind != "delete" else "locations/local/operationResults"
    return (
        f"{service.base}/subscriptions/{SUBSCRIPTION}{PROVIDER}/{leaf}/{name}?api-version=2026-09-01-preview"
    )


def _advance(service: Service, name: str) -> dict[str, Any] | None:
    operation = service.operations.get(name)
    if operation is None:
        return None
    operation["left"] -= 1
    if operation["left"] <= 0 and operation["status"] == "Running":
        failed = operation.get("fail")
        operation["status"] = "Failed" if failed else "Succeeded"
        operation["error"] = failed
        for registry in service.registries.values():
            if registry["id"] == operation["resourceId"]:
                registry["properties"]["provisioningState"] = operation["status"]
    return operation


@route("GET", SUB + PROVIDER + "/operationStatuses")
def list_operations(service: Service, _: Request) -> Answer:
    return Answer(body={"value": list(service.operations.values())})


@route("GET", SUB + PROVIDER + "/operationStatuses/{operation}")
def operation_status(service: Service, request: Request) -> Answer:
    operation = _advance(service, request.args["operation"])
    if operation is None:
        return error(404, "ResourceNotFound", "No such operation.")
    final = operation["status"] in {"Succeeded", "Failed", "Canceled"}
    return Answer(200, operation, {} if final else {"Retry-After": "1"})


@route("GET", SUB + PROVIDER + "/locations/{place}/operationResults/{operation}")
def operation_result(service: Service, request: Request) -> Answer:
    operation = _advance(service, request.args["operation"])
    if operation is None or operation["status"] == "Succeeded":
        return Answer(204)
    if operation["status"] == "Failed":
        return Answer(409, {"error": operation["error"]})
    return Answer(202, None, {"Retry-After": "1"})


@route("POST", SUB + PROVIDER + "/operationStatuses/{operation}/cancel")
def cancel_operation(service: Service, request: Request) -> Answer:
    operation = service.operations[request.args["operation"]]
    operation["status"] = "Canceled"
    return Answer(200, operation)


@route("POST", SUB + PROVIDER + "/checkNameAvailability")
def check_name(service: Service, request: Request) -> Answer:
    name = request.body["name"]
    if name.lower() in service.registries:
        text = f"The registry {name} is already in use."
        return Answer(body={"nameAvailable": False, "reason": "AlreadyExists", "message": text})
    return Answer(body={"nameAvailable": True, "availableLoginServerName": f"{name}.example.com"})


@route("GET", SUB + PROVIDER + "/registries")
@route("GET", REGISTRIES)
def list_registries(service: Service, request: Request) -> Answer:
    group = request.args.get("group", "").lower()
    wanted = [r for r in service.registries.values() if f"/resourcegroups/{group}" in r["id"].lower()]
    return Answer(body={"value": wanted})


@route("PUT", REGISTRY)
def put_registry(service: Service, request: Request) -> Answer:
    name, body = request.args["name"], request.body
    group = _group(service, request.args["group"])
    if group is None:
        return error(404, "ResourceGroupNotFound", "Resource group could not be found.")
    if name in service.registries:
        return error(409, "RegistryNameAlreadyInUse", f"The registry name {name} is already in use.")
    registry = {
        "id": f"{group['id']}{PROVIDER}/registries/{name}",
        "name": name,
        "type": "Microsoft.ContainerRegistry/registries",
        "location": body["location"],
        "tags": body.get("tags") or {},
        "sku": body["sku"] | {"tier": body["sku"]["name"]},
        "properties": body.get("properties", {})
        | {
            "loginServer": service.base.partition("//")[2],
            "creationDate": "2026-01-01T10:20:30.1234567+00:00",
            "provisioningState": "Succeeded",
            "dataEndpointHostNames": [],
            "privateEndpointConnections": [],
        },
        "systemData": {"createdBy": APP_ID, "createdAt": "2026-01-01T10:20:30.1234567Z"},
    }
    service.registries[name] = registry
    if service.provisioning == "sync":
        return Answer(201, registry)
    registry["properties"]["provisioningState"] = "Creating"
    fail = {"code": "NoPortLeft", "message": "No port is left."} if service.provisioning == "fail" else None
    url = _operation(service, "create", resourceId=registry["id"], fail=fail)
    return Answer(201, registry, {"Azure-AsyncOperation": url, "Retry-After": "1"})


def _registry(service: Service, request: Request) -> dict[str, Any]:
    return service.registries[request.args["name"].lower()]


@route("GET", REGISTRY)
def get_registry(service: Service, request: Request) -> Answer:
    if request.args["name"].lower() not in service.registries:
        text = f"The Resource 'Microsoft.ContainerRegistry/registries/{request.args['name']}' was not found."
        return error(404, "ResourceNotFound", text)
    return Answer(body=_registry(service, request))


@route("PATCH", REGISTRY)
def patch_registry(service: Service, request: Request) -> Answer:
    registry, body = _registry(service, request), request.body
    registry["properties"].update(body.get("properties", {}))
    registry["sku"].update(body.get("sku", {}))
    registry["tags"] = body.get("tags", registry["tags"])
    return Answer(body=registry)


@route("DELETE", REGISTRY)
def delete_registry(service: Service, request: Request) -> Answer:
    if service.registries.pop(request.args["name"].lower(), None) is None:
        return Answer(204)
    return Answer(202, None, {"Location": _operation(service, "delete"), "Retry-After": "1"})


@route("POST", REGISTRY + "/(listCredentials|regenerateCredential)")
def credentials(service: Service, request: Request) -> Answer:
    renewed = (request.body or {}).get("name")
    pair = [
        {"name": n, "value": f"{n}-{'new' if n == renewed else 'old'}"} for n in ("password", "password2")
    ]
    return Answer(body={"username": _registry(service, request)["name"], "passwords": pair})


@route("GET", REGISTRY + "/replications")
def replications(_: Service, __: Request) -> Answer:
    return Answer(body={"value": []})


@route("GET", REGISTRY + "/listUsages")
def usages(_: Service, __: Request) -> Answer:
    rows = [
        {"name": "Size", "limit": 10737418240, "currentValue": 42, "unit": "Bytes"},
        {"name": "Webhooks", "limit": 2, "currentValue": 0, "unit": "Count"},
    ]
    return Answer(body={"value": rows})
