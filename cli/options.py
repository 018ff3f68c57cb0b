"""Options that several commands share, and the global ones that every command takes."""

from __future__ import annotations

from cli.spec import Kind, Option

FORMATS = ("json", "jsonc", "yaml", "yamlc", "table", "tsv", "none")

GLOBAL = (
    Option(("--output", "-o"), "Output format.", choices=FORMATS),
    Option(("--query",), "JMESPath query applied to the result. See https://jmespath.org."),
    Option(("--subscription",), "Name or ID of the subscription, instead of the profile's."),
    Option(("--profile",), "Name of the profile to use, instead of the current one."),
    Option(("--verbose",), "Say what is being done.", Kind.FLAG),
    Option(("--debug",), "Show every request and answer, with secrets masked.", Kind.FLAG),
    Option(("--only-show-errors",), "Print no warnings.", Kind.FLAG),
)

REGISTRY = Option(("--name", "-n"), "Name of the registry.", required=True, fallback="acr")
OF_REGISTRY = Option(("--registry", "-r"), "Name of the registry.", required=True, fallback="acr")
GROUP = Option(("--resource-group", "-g"), "Resource group; found from the name when left out.")
GROUP_NAME = Option(("--name", "-n", "--resource-group", "-g"), "Name of the resource group.", required=True)
LOCATION = Option(("--location", "-l"), "Region.", fallback="location")
TAGS = Option(("--tags",), "Tags as key[=value], separated by spaces; '' removes all.", Kind.ANY_WORDS)
YES = Option(("--yes", "-y"), "Do not ask for confirmation.", Kind.FLAG)
NO_WAIT = Option(("--no-wait",), "Do not wait for the operation to end.", Kind.FLAG)
TIMEOUT = Option(("--timeout",), "Seconds to wait for the operation.", Kind.NUMBER, default="3600")

SUFFIX = Option(("--suffix",), "Ignored: the service knows each registry's login server.")
USERNAME = Option(("--username", "-u"), "User name, when not using the profile's identity.")
PASSWORD = Option(("--password", "-p"), "Password that belongs to --username.")

SET = Option(("--set",), "Set a member: path=value.", Kind.WORDS)
ADD = Option(("--add",), "Add to a list: path value, or path key=value.", Kind.WORDS)
REMOVE = Option(("--remove",), "Remove a member, or an index of a list: path [index].", Kind.WORDS)
FORCE_STRING = Option(("--force-string",), "With --set and --add, keep values as text.", Kind.FLAG)
GENERIC_UPDATE = (SET, ADD, REMOVE, FORCE_STRING)
