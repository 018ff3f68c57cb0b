"""The address clients reach this service at, for the absolute URLs of answers."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request

from controlplane.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Hosts:
    """Which names of this service a Host header may carry; any port, as there may be a proxy in front."""

    names: frozenset[str]
    fallback: str

    @classmethod
    def of(cls, settings: Settings) -> Hosts:
        """Take the public host, loopback and the further names of the certificate."""
        more = (name.strip().lower() for name in settings.tls_names.split(","))
        own = {settings.public_host.lower(), "localhost", "127.0.0.1", "[::1]", *more}
        return cls(frozenset(own - {""}), settings.public_url)

    def base(self, request: Request) -> str:
        """Return ``https://host[:port]`` as the client used it, or the configured one for a name not ours.

        A Host header is the client's word; taking any name would let it place links to elsewhere in answers.
        """
        host = request.host.lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return f"https://{host}" if name in self.names else self.fallback
