"""`acrctl profile` and `configure`: what the command line remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cli import columns, options
from cli.errors import BadUsageError
from cli.profiles import DEFAULT_KEYS, Profile
from cli.prompts import confirm
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _shown(session: Session, profile: Profile) -> dict[str, Any]:
    """Return a profile without its secret."""
    stored = profile.stored()
    secret = stored.pop("clientSecret")
    return {
        "name": profile.name,
        "current": profile.name == session.store.current,
        "loggedIn": bool(secret and profile.client_id),
        **stored,
    }


def _list(session: Session, args: Args) -> object:
    del args
    return [_shown(session, session.store.require(name)) for name in session.store.names]


def _show(session: Session, args: Args) -> object:
    return _shown(session, session.store.require(args.profile_name or session.store.current))


def _use(session: Session, args: Args) -> object:
    session.store.use(args.profile_name)
    return None


def _delete(session: Session, args: Args) -> object:
    session.store.require(args.profile_name)
    confirm(f"Delete profile '{args.profile_name}' and the secret in it?", yes=args.yes)
    session.store.delete(args.profile_name)
    return None


def _configure(session: Session, args: Args) -> object:
    profile = session.store.get(session.profile.name) or Profile(session.profile.name)
    if args.defaults:
        session.store.save(replace(profile, defaults=_changed(profile, args.defaults)))
        return None
    if not args.list_defaults:
        raise BadUsageError("give --defaults name=value … or --list-defaults")
    return [
        {"name": name, "source": str(session.store.path), "value": value}
        for name, value in sorted(profile.defaults.items())
        if value
    ]


def _changed(profile: Profile, words: list[str]) -> dict[str, str]:
    """Return the defaults with `name=value` words applied; an empty value removes one."""
    defaults = dict(profile.defaults)
    for word in words:
        name, sep, value = word.partition("=")
        if not sep or name not in DEFAULT_KEYS:
            raise BadUsageError(
                f"'{word}' is not of the form name=value with a name of {', '.join(DEFAULT_KEYS)}"
            )
        defaults[name] = value.strip("'\"")
    return {name: value for name, value in defaults.items() if value}


_NAME = Option(("profile_name",), "Name of the profile.", Kind.POSITION, required=True)
_SCOPES = ("global", "local")

COMMANDS = {
    "list": Command(_list, (), (("All profiles.", "acrctl profile list -o table"),), table=columns.PROFILE),
    "show": Command(
        _show,
        (Option(("profile_name",), "Name of the profile; the current one when left out.", Kind.POSITION),),
        (("Where does the current profile point?", "acrctl profile show --query endpoint -o tsv"),),
        table=columns.PROFILE,
    ),
    "use": Command(_use, (_NAME,), (("Work with another service.", "acrctl profile use staging"),)),
    "delete": Command(
        _delete, (_NAME, options.YES), (("Forget a service.", "acrctl profile delete staging --yes"),)
    ),
    "configure": Command(
        _configure,
        (
            Option(("--defaults", "-d"), "Defaults as name=value: group, acr, location.", Kind.WORDS),
            Option(("--list-defaults", "-l"), "List the defaults.", Kind.SWITCH),
            Option(("--scope",), "Where defaults are kept.", choices=_SCOPES, default="global"),
        ),
        (
            ("Leave -n and -g out from now on.", "acrctl configure --defaults acr=demo01 group=team-a"),
            ("What is set?", "acrctl configure --list-defaults -o table"),
            ("Remove one.", "acrctl configure --defaults acr="),
        ),
        about="Defaults belong to the profile. `group` is used where something is created; existing "
        "registries are found by their name wherever they are.",
    ),
}
