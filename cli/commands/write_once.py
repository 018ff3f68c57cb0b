"""`acrctl config write-once`: repositories in which a tag never moves."""

from __future__ import annotations

from cli.children import Field, Group, commands
from cli.spec import Column, Kind, Option

GROUP = Group(
    command="config write-once",
    segment="writeOnceRules",
    model="WriteOnceRule",
    noun="rule",
    fields=(
        Field(
            Option(
                ("--repositories",),
                "Names of repositories; * stands for any text.",
                Kind.WORDS,
                required=True,
            ),
            "repositories",
        ),
        Field(
            Option(("--status",), "Whether it is in force.", choices=("enabled", "disabled")),
            "status",
        ),
        Field(Option(("--description",), "What it is for."), "description"),
    ),
    example="releases",
    makes="--repositories 'releases/*' base",
    changes="--status disabled",
    table=(
        Column("NAME", "name"),
        Column("STATUS", "status"),
        Column("REPOSITORIES", "repositories"),
        Column("DESCRIPTION", "description"),
    ),
    question="Tags may move again without the rule '{name}'. Are you sure you want to delete it?",
)

COMMANDS = commands(GROUP)
