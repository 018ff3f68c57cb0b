"""What ACR has and this service does not: types whose routes answer, and are listed as empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.absent import AbsentType
from controlplane.arm.declaration import Verb
from controlplane.domain.scopes import REGISTRY_TYPE

_PREVIEW = "2026-09-01-preview"
_BOTH = ("2025-11-01", _PREVIEW)
_TASKS = ("2025-03-01-preview",)

_READ: Mapping[str, Verb] = {"Get": Verb.GET, "List": Verb.LIST}
_MADE: Mapping[str, Verb] = {**_READ, "Create": Verb.PUT, "Delete": Verb.DELETE}
_CHANGED: Mapping[str, Verb] = {**_MADE, "Update": Verb.PATCH}
_NOTED: Mapping[str, Verb] = {**_READ, "Update": Verb.PATCH}
_APPROVED: Mapping[str, Verb] = {**_READ, "CreateOrUpdate": Verb.PUT, "Delete": Verb.DELETE}

_BUILD_CALLS = {"ScheduleRun": "scheduleRun", "GetBuildSourceUploadUrl": "listBuildSourceUploadUrl"}
_ARCHIVE = "packages/{packageType}/archives/{archiveName}"

_LINK = {
    "feature": "A private link",
    "hint": "Limit who reaches a registry with 'networkRuleSet' and 'publicNetworkAccess'.",
}
_CONNECTED = {
    "feature": "A connected registry",
    "hint": "Use a replication, or a cache rule in a registry at the other place.",
}
_PIPELINE = {"feature": "A transfer pipeline", "hint": "Use 'importImage', or copy images with a client."}
_PACKAGES = {"feature": "A package archive", "hint": "Push packages as OCI artifacts."}
_BUILDS = {"feature": "Building images", "hint": "Build elsewhere and push."}


def _absent(path: str, plural: str, verbs: Mapping[str, Verb], **more: Any) -> AbsentType:
    return AbsentType(parent=REGISTRY_TYPE, path=path, plural=plural, verbs=verbs, **more)


ABSENT = (
    _absent(
        "privateLinkResources/{groupName}",
        "Registries",
        {"GetPrivateLinkResource": Verb.GET, "ListPrivateLinkResources": Verb.LIST},
        api_versions=_BOTH,
        **_LINK,
    ),
    _absent(
        "privateEndpointConnections/{privateEndpointConnectionName}",
        "PrivateEndpointConnections",
        _APPROVED,
        api_versions=_BOTH,
        **_LINK,
    ),
    _absent(
        "connectedRegistries/{connectedRegistryName}",
        "ConnectedRegistries",
        _CHANGED,
        calls={"Deactivate": "deactivate", "Resync": "resync"},
        since={"Resync": _PREVIEW},
        queries=("$filter",),
        api_versions=_BOTH,
        **_CONNECTED,
    ),
    *(
        _absent(path, plural, _MADE, api_versions=(_PREVIEW,), **_PIPELINE)
        for path, plural in (
            ("exportPipelines/{exportPipelineName}", "ExportPipelines"),
            ("importPipelines/{importPipelineName}", "ImportPipelines"),
            ("pipelineRuns/{pipelineRunName}", "PipelineRuns"),
        )
    ),
    _absent(_ARCHIVE, "Archives", _CHANGED, api_versions=(_PREVIEW,), **_PACKAGES),
    _absent(
        f"{_ARCHIVE}/versions/{{archiveVersionName}}",
        "ArchiveVersions",
        _MADE,
        api_versions=(_PREVIEW,),
        **_PACKAGES,
    ),
    *(
        _absent(path, plural, verbs, calls=calls, queries=("$filter",), api_versions=_TASKS, **_BUILDS)
        for path, plural, verbs, calls in (
            ("agentPools/{agentPoolName}", "AgentPools", _CHANGED, {"GetQueueStatus": "listQueueStatus"}),
            ("taskRuns/{taskRunName}", "TaskRuns", _CHANGED, {"GetDetails": "listDetails"}),
            ("tasks/{taskName}", "Tasks", _CHANGED, {"GetDetails": "listDetails"}),
            ("runs/{runId}", "Runs", _NOTED, {"GetLogSasUrl": "listLogSasUrl", "Cancel": "cancel"}),
            ("", "Registries", {}, _BUILD_CALLS),
        )
    ),
)
