"""Business functions: what the service does, apart from how it is asked to.

Belongs here: access, authentication, the directory, secrets, registries, content, and their object graph.
Does not belong here: HTTP and Celery (adapters), SQL (persistence), the resource mechanism (arm).
May know: operations, persistence, blobs, domain, kernel, settings. Members do not know each other's
internals; what one needs of another is passed at construction by the entry points.
"""
