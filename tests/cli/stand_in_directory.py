"""The token service, roles and Graph of the stand-in."""

from __future__ import annotations

import re
import uuid
from typing import Any

from tests.cli.stand_in import APP_ID, OBJECT_ID, SECRET, SUBSCRIPTION, Answer, Request, Service, error, route

ROLES = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
}


@route("POST", "/{tenant}/oauth2/v2.0/token")
def token(service: Service, request: Request) -> Answer:
    form = request.form
    known = {APP_ID: SECRET} | {a["appId"]: a["secret"] for a in service.applications.values()}
    if known.get(form.get("client_id", "")) != form.get("client_secret"):
        reason = "AADSTS7000215: Invalid client secret provided."
        return Answer(401, {"error": "invalid_client", "error_description": reason})
    return Answer(body={"access_token": f"at:{form['scope']}", "expires_in": 3599, "token_type": "Bearer"})


def _role(name: str, guid: str) -> dict[str, Any]:
    base = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"
    return {
        "id": f"{base}/roleDefinitions/{guid}",
        "name": guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": name,
            "type": "BuiltInRole",
            "description": name,
            "assignableScopes": ["/"],
            "permissions": [{"actions": ["x/read"], "notActions": []}],
        },
    }


@route("GET", "/{scope*}/providers/Microsoft.Authorization/roleDefinitions")
def role_definitions(_: Service, request: Request) -> Answer:
    wanted = re.search(r"roleName eq '([^']+)'", request.query.get("$filter", ""))
    found = [_role(name, guid) for name, guid in ROLES.items() if wanted is None or wanted[1] == name]
    return Answer(body={"value": found})


@route("PUT", "/{scope*}/providers/Microsoft.Authorization/roleAssignments/{name}")
def put_assignment(service: Service, request: Request) -> Answer:
    scope, name = "/" + request.args["scope"], request.args["name"]
    for known in service.assignments.values():
        if known["properties"]["principalId"] == request.body["properties"]["principalId"]:
            return error(409, "RoleAssignmentExists", "The role assignment already exists.")
    service.assignments[name] = {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": request.body["properties"] | {"scope": scope, "createdOn": "2026-01-01T00:00:00Z"},
    }
    return Answer(201, service.assignments[name])


@route("GET", "/{scope*}/providers/Microsoft.Authorization/roleAssignments")
def list_assignments(service: Service, _: Request) -> Answer:
    return Answer(body={"value": list(service.assignments.values())})


@route("DELETE", "/{scope*}/providers/Microsoft.Authorization/roleAssignments/{name}")
def delete_assignment(service: Service, request: Request) -> Answer:
    return Answer(200, service.assignments.pop(request.args["name"]))


def _owner() -> dict[str, Any]:
    return {"id": OBJECT_ID, "appId": APP_ID, "displayName": "owner", "servicePrincipalNames": [APP_ID]}


@route("GET", "/v1.0/servicePrincipals")
def list_principals(service: Service, request: Request) -> Answer:
    everyone = [_owner(), *service.principals.values()]
    wanted = re.search(
        r"(servicePrincipalNames/any\(c:c |displayName )eq '([^']+)'", request.query.get("$filter", "")
    )
    if wanted:
        key = "displayName" if wanted[1].startswith("displayName") else "appId"
        everyone = [p for p in everyone if p[key] == wanted[2]]
    return Answer(body={"value": everyone})


@route("POST", "/v1.0/servicePrincipals")
def create_principal(service: Service, request: Request) -> Answer:
    app = next(a for a in service.applications.values() if a["appId"] == request.body["appId"])
    oid = str(uuid.uuid4())
    service.principals[oid] = {
        "id": oid,
        "appId": app["appId"],
        "displayName": app["displayName"],
        "servicePrincipalNames": [app["appId"]],
        "passwordCredentials": [{"keyId": str(uuid.uuid4())}],
    }
    return Answer(201, service.principals[oid])


@route("GET", "/v1.0/servicePrincipals/{oid}")
def get_principal(service: Service, request: Request) -> Answer:
    found = {OBJECT_ID: _owner(), **service.principals}.get(request.args["oid"])
    if found is None:
        return error(404, "Request_ResourceNotFound", "Resource does not exist.")
    return Answer(body=found)


@route("DELETE", "/v1.0/servicePrincipals/{oid}")
def delete_principal(service: Service, request: Request) -> Answer:
    del service.principals[request.args["oid"]]
    return Answer(204)


@route("POST", "/v1.0/(servicePrincipals|applications)/{oid}/(removePassword)")
def remove_password(_: Service, __: Request) -> Answer:
    return Answer(204)


@route("POST", "/v1.0/(servicePrincipals|applications)/{oid}/addPassword")
def add_password(service: Service, request: Request) -> Answer:
    oid = request.args["oid"]
    app_id = service.principals[oid]["appId"] if oid in service.principals else None
    for app in service.applications.values():
        if app["id"] == oid or app["appId"] == app_id:
            app["secret"] = f"secret-{uuid.uuid4()}"
            return Answer(body={"keyId": str(uuid.uuid4()), "secretText": app["secret"]})
    return error(404, "Request_ResourceNotFound", "Resource does not exist.")


@route("GET", "/v1.0/applications")
def list_applications(service: Service, request: Request) -> Answer:
    wanted = re.search(r"'([^']+)'", request.query.get("$filter", ""))
    apps = [a for a in service.applications.values() if wanted is None or a["displayName"] == wanted[1]]
    return Answer(body={"value": apps})


@route("POST", "/v1.0/applications")
def create_application(service: Service, request: Request) -> Answer:
    oid = str(uuid.uuid4())
    service.applications[oid] = {
        "id": oid,
        "appId": str(uuid.uuid4()),
        "displayName": request.body["displayName"],
        "passwordCredentials": [],
        "keyCredentials": [],
        "secret": "",
    }
    return Answer(201, service.applications[oid])


@route("POST", "/v1.0/directoryObjects/getByIds")
def get_by_ids(service: Service, request: Request) -> Answer:
    everyone = [_owner(), *service.principals.values()]
    found = [p for p in everyone if p["id"] in request.body["ids"]]
    return Answer(body={"value": [p | {"@odata.type": "#microsoft.graph.servicePrincipal"} for p in found]})
