"""Whether a process lives and can serve; asked by load balancers, of every plane, without logging in."""

from __future__ import annotations

from flask import Flask, Response

from controlplane.persistence.database import Database, DatabaseUnavailableError

PATHS = frozenset({"/healthz", "/readyz"})


def add_to(app: Flask, database: Database) -> None:
    """Serve ``/healthz`` (the process answers) and ``/readyz`` (its database does, else 503)."""

    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    def readyz() -> Response:
        try:
            database.ping()
        except DatabaseUnavailableError:
            return Response("the database does not answer\n", status=503, mimetype="text/plain")
        return Response("ready\n", mimetype="text/plain")

    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
