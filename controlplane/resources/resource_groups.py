"""Resource groups. Deleting one deletes what is in it, by an operation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from controlplane.arm.contexts import Listing
from controlplane.arm.declaration import CRUD, Kind, Lifecycle, NameRule, ResourceType, Verb
from controlplane.arm.fields import model
from controlplane.arm.paging import filter_of
from controlplane.domain.api_versions import RESOURCES
from controlplane.domain.filters import demanded, holds
from controlplane.domain.scopes import GROUP_TYPE, SUBSCRIPTION_TYPE
from controlplane.persistence import resources as store
from controlplane.persistence.resources import ResourceRow, Where


def _items(listing: Listing) -> Sequence[ResourceRow]:
    tree = filter_of(listing.query, {"tagname", "tagvalue"})
    rows = store.every(listing.tx, Where(types=[GROUP_TYPE.lower()], parent_key=listing.scope.key))
    name = demanded(tree, "tagname")
    return [row for row in rows if tree is None or holds(tree, partial(_tags, row, name))]


def _tags(row: ResourceRow, name: str | None, what: str) -> Collection[str]:
    """Return a group's tag names, or the values of its tags: of the one that the filter names, or of all."""
    tags = {known.lower(): value.lower() for known, value in (row.tags or {}).items()}
    if what == "tagname":
        return tags.keys()
    return [value for known, value in tags.items() if name in {None, known}]


RESOURCE = ResourceType(
    type=GROUP_TYPE,
    model="ResourceGroup",
    plural="ResourceGroups",
    api_versions=RESOURCES,
    kind=Kind.SCOPE,
    parent=SUBSCRIPTION_TYPE,
    located=True,
    properties=model("ResourceGroupProperties", {}),
    verbs=CRUD | {Verb.HEAD},
    # Source: ARM's rule; letters of every script, digits, and -_.() but not a period at the end.
    name=NameRule(
        r"[-\w._()]{0,89}[-\w_()]",
        "Names have 1 to 90 letters, digits, underscores, hyphens, parentheses and periods, no period last.",
    ),
    name_parameter="resourceGroupName",
    operations={Verb.PUT: "ResourceGroups_CreateOrUpdate"},
    permission="Microsoft.Resources/subscriptions/resourceGroups",
    queries=("$filter",),
    shows_system_data=False,
    lifecycle=Lifecycle(items=_items),
)
