"""`acrctl config retention-rule`: which tags and manifests go, beyond az's one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.children import Field, Group, call, commands
from cli.spec import Args, Column, Command, Kind, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session


def _number(flag: str, text: str, member: str) -> Field:
    return Field(Option((flag,), text, Kind.NUMBER), member)


GROUP = Group(
    command="config retention-rule",
    segment="retentionRules",
    model="RetentionRule",
    noun="rule",
    fields=(
        Field(
            Option(("--repository-pattern",), "Repositories it is about; * stands for any text."),
            "repositoryPattern",
        ),
        Field(
            Option(("--selects",), "What it takes.", choices=("Tagged", "Untagged", "Any")),
            "selects",
        ),
        Field(Option(("--tag-pattern",), "Only such tags; * stands for any text."), "tagPattern"),
        Field(Option(("--tag-regex",), "Only tags that fit this regular expression."), "tagRegex"),
        Field(Option(("--artifact-type",), "Only artifacts of this type."), "artifactType"),
        _number("--older-than-days", "Only what is older.", "olderThanDays"),
        _number("--not-pulled-for-days", "Only what nobody pulled for so long.", "notPulledForDays"),
        _number("--keep-newest", "Keep so many of the newest, of those it is about.", "keepNewest"),
        _number("--keep-at-least", "Never leave fewer in a repository.", "keepAtLeast"),
        Field(
            Option(("--status",), "Whether it is in force.", choices=("enabled", "disabled")),
            "status",
        ),
        Field(Option(("--description",), "What it is for."), "description"),
    ),
    example="builds",
    makes="--repository-pattern 'team-a/*' --tag-pattern 'build-*' --older-than-days 30 --status disabled",
    changes="--status enabled",
    table=(
        Column("NAME", "name"),
        Column("STATUS", "status"),
        Column("REPOSITORIES", "repositoryPattern"),
        Column("SELECTS", "selects"),
        Column("TAGS", "tagPattern"),
        Column("OLDER THAN DAYS", "olderThanDays"),
        Column("NOT PULLED FOR DAYS", "notPulledForDays"),
        Column("KEEP NEWEST", "keepNewest"),
    ),
    question="Are you sure you want to delete the retention rule '{name}'?",
)


def _preview(session: Session, args: Args) -> object:
    """Ask for all parts of the preview and return them as one."""
    whole: dict[str, Any] = {"value": [], "tags": 0, "manifests": 0, "freed": 0}
    asked: dict[str, Any] = {}
    while True:
        part = call(session, GROUP, args, "preview", asked)
        whole = {name: total + part[name] for name, total in whole.items()}
        if not part.get("continuation"):
            return whole
        asked = {"continuation": part["continuation"]}


def _rows(result: Any) -> Rows:
    return [
        {
            "REPOSITORY": one["repository"],
            "TAGS": len(one["tags"]),
            "MANIFESTS": len(one["manifests"]),
            "FREED": one["freed"],
        }
        for one in result["value"]
    ]


COMMANDS = commands(GROUP) | {
    "preview": Command(
        _preview,
        GROUP.one,
        (("What would go now?", "acrctl config retention-rule preview -r demo01 -n builds -o table"),),
        about="Works for a rule that is disabled, too: make one, look, then enable it.",
        table=_rows,
    ),
}
