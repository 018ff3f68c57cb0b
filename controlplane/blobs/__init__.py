"""Bytes in object stores: content-addressed blobs and the uploads they grow from.

Belongs here: the driver protocol, one module a kind of store, and choosing one by settings.
Does not belong here: which repository may see which blob (persistence), verifying digests (services), HTTP.
May know: domain, kernel, settings, the client libraries of object stores.

Layout, for every kind of store: ``<region>/blobs/<algorithm>/<first two hex digits>/<hex>``,
``<region>/uploads/<id>``, and ``<region>/damaged`` for what must not be served. A blob's name says its
content, so writing one twice is harmless, and a blob becomes visible by one atomic step when all its bytes
are durable.
"""
