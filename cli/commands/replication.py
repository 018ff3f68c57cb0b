"""`acrctl replication`: a registry's content in further regions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cli import options
from cli.arm import REGISTRIES_API
from cli.children import Field, Group, commands, registry_path
from cli.options import TAGS
from cli.spec import Args, Column, Command, Kind, Option
from cli.tags import parse_tags

if TYPE_CHECKING:
    from cli.session import Session


def _named(args: Args) -> str:
    """Name a replication like its region, as az does."""
    return "".join(args.location.split()).lower()


GROUP = Group(
    command="replication",
    segment="replications",
    model="Replication",
    noun="replication",
    fields=(
        Field(Option(("--location", "-l"), "Region.", required=True), "location", on=("create",)),
        Field(
            Option(("--global-endpoint-routing",), "Whether the region takes requests.", Kind.SWITCH),
            "regionEndpointEnabled",
        ),
        Field(
            Option(("--zone-redundancy",), "Whether to spread over zones.", choices=("Enabled", "Disabled")),
            "zoneRedundancy",
            on=("create",),
        ),
        Field(TAGS, "tags", lambda words, _: parse_tags(words)),
    ),
    example="westus",
    makes="-l westus",
    changes="--global-endpoint-routing false",
    table=(
        Column("NAME", "name"),
        Column("LOCATION", "location"),
        Column("PROVISIONING STATE", "provisioningState"),
        Column("STATUS", "status.displayStatus"),
        Column("REGION ENDPOINT ENABLED", "regionEndpointEnabled"),
    ),
    generic_update=True,
    named=_named,
)


def _status(session: Session, args: Args) -> object:
    base = f"{registry_path(session, args)}/{GROUP.segment}"
    wanted = str(args.name or "").lower()
    found = session.arm.list(base, REGISTRIES_API)
    return [
        {"name": one["name"], "location": one["location"]}
        | session.arm.get(f"{base}/{one['name']}/status", REGISTRIES_API)
        for one in found
        if wanted in ("", str(one["name"]).lower())
    ]


COMMANDS = commands(GROUP) | {
    "status": Command(
        _status,
        (options.OF_REGISTRY, replace(GROUP.name, required=False), options.GROUP),
        (
            ("How far behind is each region?", "acrctl replication status -r demo01 -o table"),
            ("Only one.", "acrctl replication status -r demo01 -n westus"),
        ),
        about="Lag is in seconds: from when copies were wanted to when they were there.",
        table=(
            Column("NAME", "name"),
            Column("LOCATION", "location"),
            Column("LAG P50", "lag.p50"),
            Column("LAG P99", "lag.p99"),
            Column("PENDING BLOBS", "pendingBlobs"),
            Column("PENDING BYTES", "pendingBytes"),
            Column("FAILED", "failed"),
            Column("LAST ERROR", "lastError"),
        ),
    ),
}
