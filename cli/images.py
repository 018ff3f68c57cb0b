"""What `manifest` commands act on: `-r REGISTRY -n NAME`, or one word with the login server in front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import options
from cli.access import open_registry
from cli.dataplane import RegistryClient, attributes_path, parse_image
from cli.errors import BadUsageError
from cli.spec import Args, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_EXAMPLE = "demo01.example.com/hello"


@dataclass(frozen=True, slots=True)
class Named:
    """What a command line names: a registry (by name or login server), a repository, a tag or a digest."""

    client: RegistryClient
    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def names(self) -> tuple[str, str, str]:
        """The repository, the tag and the digest, the last two empty where not named."""
        return self.repository, self.tag, self.digest

    def token(self, *rights: str) -> str:
        """Return an access token with rights on the repository."""
        return self.client.access_token(f"repository:{self.repository}:{','.join(rights)}")

    def found_digest(self, token: str) -> str:
        """Return the digest: the one named, or that of the tag; NotFoundError when there is no such tag."""
        if self.digest:
            return self.digest
        answer = self.client.call("GET", attributes_path(self.repository, self.tag), token)
        return str(answer.json()["tag"]["digest"])


def named_repository(session: Session, args: Args) -> Named:
    """Return the repository named, without a tag; BadUsageError when the words do not fit."""
    registry, name = _split(args)
    if ":" in name or "@" in name:
        raise BadUsageError(f"'{name}' must name a repository, without tag and digest")
    return Named(open_registry(session, args, registry), registry, name, "", "")


def named_image(session: Session, args: Args, *, allow_digest: bool = True, tag_needed: bool = True) -> Named:
    """Return the image named: by tag (`latest` if it must have one and none is given) or by digest."""
    registry, name = _split(args)
    if not tag_needed and ":" not in name and "@" not in name:
        return Named(open_registry(session, args, registry), registry, name, "", "")
    repository, tag, digest = parse_image(name, allow_digest=allow_digest)
    return Named(open_registry(session, args, registry), registry, repository, tag, digest)


def _split(args: Args) -> tuple[str, str]:
    """Return (registry, rest) of what is given, in one of the two ways."""
    if bool(args.id) == bool(args.name):
        raise BadUsageError(f"give either -r REGISTRY -n NAME, or one word such as {_EXAMPLE}")
    if args.name:
        if not args.registry:
            raise BadUsageError(f"the following arguments are required: {REGISTRY.label}")
        return args.registry, args.name
    server, _, rest = args.id.removeprefix("https://").partition("/")
    if not rest or not ("." in server or ":" in server):
        raise BadUsageError(f"'{args.id}' does not begin with a login server, as {_EXAMPLE} does")
    return server, rest


REGISTRY = Option(("--registry", "-r"), "Name of the registry.", fallback="acr")
_ID = Option(("id",), "The same in one word: LOGIN_SERVER/NAME.", Kind.POSITION)
_ACCESS = (options.SUFFIX, options.USERNAME, options.PASSWORD)
_FLAGS = ("--name", "-n")

OF_REPOSITORY = (REGISTRY, Option(_FLAGS, "Name of the repository."), _ID, *_ACCESS)
OF_TAGGED = (REGISTRY, Option(_FLAGS, "Repository, or name:tag."), _ID, *_ACCESS)
OF_IMAGE = (REGISTRY, Option(_FLAGS, "Image as name:tag or name@digest."), _ID, *_ACCESS)
