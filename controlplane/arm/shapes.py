"""Whole bodies out of a declaration: the resource, its list, and what PATCH takes.

Schemas keep the names they have in ARM's models, and every derived one has a name of its own.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

from marshmallow import fields, missing

from controlplane.arm.declaration import ResourceType
from controlplane.arm.fields import Shape, choice, items, model, moment, nested, table, text
from controlplane.kernel.states import ProvisioningState

STATE = "provisioningState"

_ACTORS = ("User", "Application", "ManagedIdentity", "Key")

SYSTEM_DATA = model(
    "SystemData",
    {
        "createdBy": text(),
        "createdByType": choice(_ACTORS),
        "createdAt": moment(),
        "lastModifiedBy": text(),
        "lastModifiedByType": choice(_ACTORS),
        "lastModifiedAt": moment(),
    },
)

# Source: the limits of tags in Azure Resource Manager.
TAGS = table(
    text(longest=256),
    names=text(
        pattern=r"[^<>%&\\?/]{1,512}", message="a tag's name has 1 to 512 characters other than <>%&\\?/"
    ),
    longest=50,
    replaced=True,
)


@lru_cache(maxsize=512)
def members(shape: Shape) -> dict[str, fields.Field[Any]]:
    """Return the fields of a schema by wire name."""
    return dict(shape().fields)


@lru_cache(maxsize=256)
def resource(declared: ResourceType) -> Shape:
    """Return the schema of a whole resource."""
    whole: dict[str, fields.Field[Any]] = {
        name: text(read_only=True) for name in ("id", "name", "type") if name in declared.envelope
    }
    if declared.tracked:
        whole["location"] = text(create_only=True)
        whole["tags"] = TAGS
    if declared.members is not None:
        whole.update(_fresh(declared.members))
    if declared.properties is not None:
        whole["properties"] = nested(_properties(declared, declared.properties))
    if declared.shows_system_data:
        whole["systemData"] = nested(SYSTEM_DATA, read_only=True)
    return model(declared.model, whole)


@lru_cache(maxsize=256)
def body(declared: ResourceType) -> Shape:
    """Return the schema of a PUT body: the resource, or the model of its own that ARM has for it."""
    if declared.create_models is None or declared.properties is None:
        return resource(declared)
    name, inner = declared.create_models
    whole, properties = _fresh(resource(declared)), _fresh(declared.properties)
    if declared.shows_state:
        properties[STATE] = choice(ProvisioningState, read_only=True)
    return model(name, {**whole, "properties": nested(model(inner, properties), required=True)})


@lru_cache(maxsize=256)
def page(declared: ResourceType) -> Shape:
    """Return the schema of a page of a list."""
    return model(
        f"{declared.model}ListResult",
        {"value": items(nested(resource(declared))), "nextLink": text()},
    )


@lru_cache(maxsize=256)
def patch(declared: ResourceType) -> Shape:
    """Return the schema of a PATCH body: what can be changed, nothing required."""
    return _changeable(body(declared), f"{declared.model}UpdateParameters")


@lru_cache(maxsize=512)
def _changeable(shape: Shape, name: str | None = None) -> Shape:
    changed = {
        name: _optional(field)
        for name, field in _fresh(shape).items()
        if not field.dump_only and not field.metadata.get("create_only")
    }
    return model(name or f"{shape.__name__}UpdateParameters", changed)


def _optional(field: fields.Field[Any]) -> fields.Field[Any]:
    loose = copy.copy(field)
    loose.required = False
    loose.load_default = missing
    if isinstance(field, fields.Nested):
        known = {name: getattr(field, name) for name in ("allow_none", "load_only", "metadata")}
        loose = fields.Nested(_changeable(type(field.schema)), **known)
    return loose


def _properties(declared: ResourceType, shape: Shape) -> Shape:
    """Return the schema of ``properties``, with the state that the mechanism keeps."""
    known = _fresh(shape)
    if declared.create_models is not None:
        known = {name: field for name, field in known.items() if not field.load_only}
    elif not declared.shows_state or STATE in members(shape):
        return shape
    if declared.shows_state:
        known[STATE] = choice(ProvisioningState, read_only=True)
    return model(shape.__name__, known)


def _fresh(shape: Shape) -> dict[str, fields.Field[Any]]:
    """Copy a schema's fields, unbound, so that another schema can own them."""
    return {name: copy.deepcopy(field) for name, field in shape._declared_fields.items()}  # noqa: SLF001
