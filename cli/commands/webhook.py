"""`acrctl webhook`: who is told what happens in a registry."""

from __future__ import annotations

from cli.children import Field, Group, commands
from cli.options import LOCATION, TAGS
from cli.spec import Column, Kind, Option
from cli.tags import parse_tags

ACTIONS = ("push", "delete", "quarantine", "chart_push", "chart_delete")
STATUS = ("enabled", "disabled")

GROUP = Group(
    command="webhook",
    segment="webhooks",
    model="Webhook",
    noun="webhook",
    fields=(
        Field(Option(("--uri",), "Where to post to.", required=True), "serviceUri"),
        Field(
            Option(("--actions",), "What to tell of.", Kind.WORDS, required=True, choices=ACTIONS), "actions"
        ),
        Field(
            Option(("--headers",), "Headers to send, as key[=value]; '' removes all.", Kind.WORDS),
            "customHeaders",
            lambda words, _: parse_tags(words),
        ),
        Field(
            Option(("--status",), "Whether it is called.", choices=STATUS, default="enabled"),
            "status",
        ),
        Field(
            Option(("--scope",), "Only this: repository:tag, repository:*, or repository (its tag latest)."),
            "scope",
        ),
        Field(Option(("--signing-secret",), "Sign what is sent with it (HMAC-SHA256)."), "signingSecret"),
        Field(LOCATION, "location", on=("create",)),
        Field(TAGS, "tags", lambda words, _: parse_tags(words)),
    ),
    example="hook01",
    makes="--uri https://ci.example.com/hook --actions push delete --headers 'Authorization=Bearer TOKEN'",
    changes="--status disabled",
    table=(
        Column("NAME", "name"),
        Column("LOCATION", "location"),
        Column("ACTIONS", "actions"),
        Column("SCOPE", "scope"),
        Column("STATUS", "status"),
    ),
    located=True,
    generic_update=True,
)

COMMANDS = commands(GROUP)
