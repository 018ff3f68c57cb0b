"""Durable jobs: accept, claim, step, complete. The database is the truth, the broker a doorbell.

Belongs here: the operation's life, its plan of named steps, the outbox, relay and sweeper logic.
Does not belong here: Celery (workers), HTTP (management), what any step does (resources, services).
May know: persistence, domain, kernel, settings.
"""
