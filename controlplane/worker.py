"""The worker and relay processes: their object graph and nothing else."""

from __future__ import annotations

from celery import Celery

from controlplane import resources
from controlplane.arm.plans import plans_of
from controlplane.arm.types import Types
from controlplane.services.assembly import assemble, open_database
from controlplane.services.chores import CHORES
from controlplane.services.upkeep import Upkeep
from controlplane.settings.model import Settings
from controlplane.workers.relay import run_relay
from controlplane.workers.topics import Product, Work
from controlplane.workers.worker import assemble as assemble_worker
from controlplane.workers.worker import run_worker


def run(settings: Settings) -> int:
    """Run the worker until SIGTERM; return its exit code."""
    return run_worker(settings, build)


def relay(settings: Settings) -> None:
    """Relay and sweep until SIGTERM.

    Raises:
        SystemExit: the broker is in memory, where the worker relays by itself.
    """
    run_relay(settings, build)


def __getattr__(name: str) -> Celery:
    """Make the application ``celery`` when it is asked for, as ``celery -A controlplane.worker`` does."""
    if name != "celery":
        raise AttributeError(name)
    settings = Settings()
    globals()[name] = made = assemble_worker(settings, build)
    return made


def build(settings: Settings) -> Work:
    """Build what a working process needs, after the fork.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
        VaultError: the deployment has no master key yet.
    """
    services = assemble(settings, open_database(settings))
    services.database.ping()
    plans = plans_of(Types.discover(resources), services.database, services, services.clock)
    product = Product(services, Upkeep(services, CHORES))
    return Work(services.database, plans, services.clock, product)
