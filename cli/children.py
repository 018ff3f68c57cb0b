"""Groups of commands for what belongs to a registry: webhooks, replications, tokens, rules.

A group is a value: where its resources lie, which options become which members, how rows look. The five
commands list, show, create, update and delete follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cli import generic, options, registries
from cli.arm import REGISTRIES_API
from cli.errors import BadUsageError
from cli.prompts import confirm
from cli.registry_body import TOP, wire_body
from cli.shapes import shape
from cli.spec import Args, Command, Option, Table

if TYPE_CHECKING:
    from cli.session import Session

    _Run = Callable[[Session, "Group", Args], object]

Json = dict[str, Any]
BOTH = ("create", "update")
_WRITES = (options.NO_WAIT, options.TIMEOUT)


def _as_given(value: Any, _registry: str) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Field:
    """One option and the member that it becomes: a path in the flat shape, such as `status`.

    ``convert`` makes the member of the value and the registry's id. Without a path the group's own
    ``members`` read the option. On update nothing is required and nothing has a default, so that what is
    not named stays as it is.
    """

    option: Option
    path: str = ""
    convert: Callable[[Any, str], Any] = _as_given
    on: tuple[str, ...] = BOTH


@dataclass(frozen=True, slots=True)
class Group:
    """The resources of one type below a registry, as commands.

    ``command`` is what follows `acrctl`, ``segment`` the type in paths, ``example`` a name for examples and
    ``makes`` and ``changes`` the options of two of them. ``fixed`` are members that every creation sends;
    a ``located`` type lies in the registry's region unless told otherwise. ``question`` is asked before a
    deletion, if the group asks at all. ``members`` is given the present resource (empty on creation) and
    returns further members in flat shape. ``named`` gives a name where the user need not. ``own`` are members
    that az does not know; they are shown where they are set.
    """

    command: str
    segment: str
    model: str
    noun: str
    fields: tuple[Field, ...]
    example: str
    makes: str
    changes: str
    table: Table | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    located: bool = False
    question: str = ""
    generic_update: bool = False
    members: Callable[[Args, Json], Json] | None = None
    named: Callable[[Args], str] | None = None
    own: tuple[str, ...] = ()

    @property
    def name(self) -> Option:
        """The option that names one resource."""
        return Option(("--name", "-n"), f"Name of the {self.noun}.", required=True)

    @property
    def one(self) -> tuple[Option, ...]:
        """The options that name one resource of one registry."""
        return (options.OF_REGISTRY, self.name, options.GROUP)


def registry_path(session: Session, args: Args) -> str:
    """Return the path of the registry named by --registry."""
    return registries.find_path(session, args.registry, args.resource_group)


def child_path(session: Session, group: Group, args: Args) -> str:
    """Return the path of the resource named by --registry and --name."""
    return f"{registry_path(session, args)}/{group.segment}/{quote(args.name, safe='')}"


def id_below(segment: str) -> Callable[[Any, str], str]:
    """Return a conversion of names to ids of resources of the same registry; ids stay as they are."""
    return lambda name, registry: name if "/" in name else f"{registry}/{segment}/{name}"


def call(session: Session, group: Group, args: Args, action: str, body: Json | None = None) -> Any:
    """Call an action of one resource and return its answer."""
    return session.arm.call("POST", f"{child_path(session, group, args)}/{action}", REGISTRIES_API, json=body)


def flat_members(group: Group, args: Args, present: Json, registry: str, verb: str) -> Json:
    """Return the members that the given options name, in flat shape."""
    found: Json = {}
    for one in group.fields:
        value = getattr(args, one.option.dest) if verb in one.on and one.path else None
        if value is not None:
            found[one.path] = one.convert(value, registry)
    return found | (group.members(args, present) if group.members else {})


def shown(group: Group, wire: Any) -> Any:
    """Return a resource, or a list of them, as it is printed."""
    if isinstance(wire, list):
        return [shown(group, one) for one in wire]
    printed = shape(group.model, wire)
    properties = wire["properties"] if wire else {}
    own = {name: properties[name] for name in group.own if properties.get(name) is not None}
    return {**printed, **own} if own else printed


def create(session: Session, group: Group, args: Args) -> Any:
    """Create a resource and return it as it is shown."""
    args.name = args.name or (group.named(args) if group.named else None)
    path = child_path(session, group, args)
    registry = path.rsplit("/", 2)[0]
    flat = {**group.fixed, **flat_members(group, args, {}, registry, "create")}
    if group.located and "location" not in flat:
        flat["location"] = session.arm.get(registry, REGISTRIES_API)["location"]
    how = {"no_wait": args.no_wait, "timeout": args.timeout}
    return shown(group, session.operate("PUT", path, REGISTRIES_API, json=wire_body(flat), **how))


def update(session: Session, group: Group, args: Args) -> Any:
    """Change a resource and return it as it is shown.

    Where the change depends on what is there, it is made only if nobody changed the resource meanwhile.
    """
    path = child_path(session, group, args)
    generic_asked = group.generic_update and generic.is_asked(args)
    present, etag = {}, ""
    if group.members or generic_asked:
        wire, etag = session.arm.version(path, REGISTRIES_API)
        present = {**{name: wire.get(name) for name in TOP}, **wire["properties"]}
    flat = flat_members(group, args, present, path.rsplit("/", 2)[0], "update")
    if generic_asked:
        flat = generic.changes(present, args) | flat
    if not flat:
        raise BadUsageError("nothing to update: give at least one property")
    how = {"no_wait": args.no_wait, "timeout": args.timeout, "etag": etag}
    return shown(group, session.operate("PATCH", path, REGISTRIES_API, json=wire_body(flat), **how))


def delete(session: Session, group: Group, args: Args) -> Any:
    """Delete a resource, after the group's question if it has one."""
    if group.question:
        confirm(group.question.format(name=args.name), yes=args.yes)
    path = child_path(session, group, args)
    return session.operate("DELETE", path, REGISTRIES_API, no_wait=args.no_wait, timeout=args.timeout)


def listed(session: Session, group: Group, args: Args) -> Any:
    """Return all resources of a registry as they are shown."""
    path = f"{registry_path(session, args)}/{group.segment}"
    return shown(group, session.arm.list(path, REGISTRIES_API))


def show(session: Session, group: Group, args: Args) -> Any:
    """Return one resource as it is shown."""
    return shown(group, session.arm.get(child_path(session, group, args), REGISTRIES_API))


def _options(group: Group, verb: str) -> tuple[Option, ...]:
    """Return the options of creation or update; on update each may be left out."""
    found = tuple(one.option for one in group.fields if verb in one.on)
    if verb == "create":
        name = replace(group.name, required=group.named is None)
        return (options.OF_REGISTRY, name, *found, options.GROUP, *_WRITES)
    changing = tuple(replace(option, required=False, default=None, fallback="") for option in found)
    generic_ones = options.GENERIC_UPDATE if group.generic_update else ()
    return (*group.one, *changing, *generic_ones, *_WRITES)


def _on_group(run: _Run, group: Group, session: Session, args: Args) -> object:
    return run(session, group, args)


def commands(group: Group) -> dict[str, Command]:
    """Return the five commands of a group."""
    line = f"acrctl {group.command}"
    this = f"-r demo01 -n {group.example}"
    yes, agreed = ((options.YES,), " --yes") if group.question else ((), "")
    rows: tuple[tuple[str, _Run, tuple[Option, ...], str, str], ...] = (
        ("list", listed, (options.OF_REGISTRY, options.GROUP), "All of a registry.", "-r demo01 -o table"),
        ("show", show, group.one, "One of them.", this),
        ("create", create, _options(group, "create"), "A new one.", f"{this} {group.makes}"),
        ("update", update, _options(group, "update"), "Change it.", f"{this} {group.changes}"),
        ("delete", delete, (*group.one, *yes, *_WRITES), "Delete it.", f"{this}{agreed}"),
    )
    return {
        verb: Command(
            partial(_on_group, run, group),
            declared,
            ((shows, f"{line} {verb} {example}"),),
            table=None if verb == "delete" else group.table,
        )
        for verb, run, declared, shows, example in rows
    }
