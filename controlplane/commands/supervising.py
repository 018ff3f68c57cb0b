"""supervise: the process behind `up`."""

from __future__ import annotations

import click

from controlplane.commands.common import load_settings, reporting, start_logging
from controlplane.kernel.clock import SystemClock
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings
from controlplane.supervisor.supervisor import Supervisor


@click.command(hidden=True)
@reporting
def supervise() -> None:
    """Run the supervisor in this process; `up` has prepared everything."""
    run(load_settings())


def run(settings: Settings) -> None:
    """Supervise until SIGTERM."""
    start_logging(settings)
    database = Database(settings.database, pool_size=1)  # it looks for login ports and does nothing else
    Supervisor(settings, database, SystemClock()).run()
