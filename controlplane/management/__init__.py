"""The management API over HTTP: ARM's front door, the routes of every resource type, operations, OpenAPI.

Belongs here: what HTTP and ARM say about requests and answers (paths, headers, envelopes, api-versions), and
the translation between them and the mechanism. ``blueprint`` is the only module that knows both a
``ResourceType`` and flask-smorest.
Does not belong here: what a resource means (resources), how writes work (arm), tokens (identity).
May know: resources, arm, services, operations, persistence, domain, kernel, settings, Flask.
"""
