"""importImage: an artifact of another registry, or of another repository, becomes one of this registry's."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Call, ResourceStepContext
from controlplane.arm.declaration import Action, ResourceStep
from controlplane.arm.fields import choice, flag, items, model, nested, text
from controlplane.kernel.catalogue import IMPORT_FAILED
from controlplane.kernel.errors import Failure
from controlplane.persistence import registries
from controlplane.persistence.registries import RegistryRow
from controlplane.services.graph import Services
from controlplane.services.imports import FORCE, NO_FORCE

_CREDENTIALS = model(
    "ImportSourceCredentials", {"username": text(), "password": text(required=True, secret=True)}
)
_SOURCE = model(
    "ImportSource",
    {
        "resourceId": text(),
        "registryUri": text(),
        "credentials": nested(_CREDENTIALS),
        "sourceImage": text(required=True),
    },
)
_PARAMETERS = model(
    "ImportImageParameters",
    {
        "source": nested(_SOURCE, required=True),
        "targetTags": items(text()),
        "untaggedTargetRepositories": items(text()),
        "mode": choice((NO_FORCE, FORCE), default=NO_FORCE),
        "referrers": flag(own=True, doc="Whether signatures and other referrers come along."),
    },
)


def _accept(ctx: Call) -> dict[str, Any]:
    services: Services = ctx.services
    target = registries.by_key(ctx.tx, ctx.resource.key)
    if target is None or ctx.principal is None:
        raise LookupError(f"{ctx.resource.id} has no registry")
    found = services.imports.accept(ctx.tx, target, ctx.body, ctx.principal)
    return {"import": found | {"actor": ctx.principal.object_id}}


def _target(ctx: ResourceStepContext) -> RegistryRow:
    services: Services = ctx.services
    key = ctx.operation.resource_id.lower()
    with services.database.read() as tx:
        row = registries.by_key(tx, key)
    if row is None:
        raise Failure(
            IMPORT_FAILED, image=ctx.operation.input["import"]["image"], reason="the registry is gone"
        )
    return row


def _resolve(ctx: ResourceStepContext) -> str:
    """Pin the digest. Twice: as long as it is not recorded, the tag may be read anew."""
    services: Services = ctx.services
    return services.imports.digest(ctx.operation.input["import"])


def _copy(ctx: ResourceStepContext) -> int:
    """Copy what the digest stands for. Twice, or dying midway: what is there is skipped."""
    services: Services = ctx.services
    given = ctx.operation.input["import"]
    return services.imports.copy(_target(ctx), given, ctx.results["resolve"], ctx.progress)


def _tag(ctx: ResourceStepContext) -> list[str]:
    """Set the tags. Twice: the second time they name it already."""
    services: Services = ctx.services
    return services.imports.tag(_target(ctx), ctx.operation.input["import"], ctx.results["resolve"])


IMPORT = Action(
    "importImage",
    "Registries_ImportImage",
    _accept,
    request=_PARAMETERS,
    steps=(ResourceStep("resolve", _resolve), ResourceStep("copy", _copy), ResourceStep("tag", _tag)),
    deadline="import_deadline",
    beside=True,
)
