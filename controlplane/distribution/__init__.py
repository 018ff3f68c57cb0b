"""The distribution plane over HTTP: OCI distribution 1.1, ACR's own ``/acr/v1`` and the token endpoints.

Belongs here: paths, headers, challenges, envelopes, ranges, paging, request bodies; the hot path in front of
Flask. Does not belong here: what may be pushed (domain), how it is stored (services), tokens (services).
May know: services, persistence, blobs, domain, kernel, settings, Flask. Not arm or resources: the planes meet
in the database.

Every request passes the gate first: which registry is asked (by Host header), whether its network rules admit
the client's socket address, whether the caller has the right; only then anything is looked up.
"""
