"""The Celery adapter: from a message to the engine, from the outbox to the broker.

Belongs here: Celery's configuration, tasks, the processes that run them, publishing.
Does not belong here: what an operation does (operations, resources), the object graph (worker).
May know: Celery and kombu, operations, persistence, kernel, settings.

A message carries ids only, as JSON. It may be lost, repeated or late: the database knows better.
"""
