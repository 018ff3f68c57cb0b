"""The errors of the distribution plane, one entry each.

Codes are those of the OCI distribution specification and of ACR; a failure's ``info`` becomes the
``detail`` member of the envelope.
"""

from __future__ import annotations

from controlplane.kernel.errors import ErrorKind

UNAUTHORIZED = ErrorKind(
    "UNAUTHORIZED",
    401,
    "authentication required, visit https://aka.ms/acr/authorization for more information.",
)
CREDENTIAL_REFUSED = ErrorKind("UNAUTHORIZED", 401, "the credential was refused: {reason}")
DENIED = ErrorKind("DENIED", 403, "requested access to the resource is denied: {reason}")
NETWORK_DENIED = ErrorKind(
    "DENIED", 403, "client with IP '{address}' is not allowed access by the registry's network rules."
)
REGISTRY_UNKNOWN = ErrorKind("NAME_UNKNOWN", 404, "no registry is served as '{host}'")
ROUTE_UNKNOWN = ErrorKind("NAME_UNKNOWN", 404, "no API of the registry is at '{path}'")
METHOD_UNSUPPORTED = ErrorKind(
    "UNSUPPORTED", 405, "the method {method} is not supported here; supported: {allowed}"
)
NAME_INVALID = ErrorKind("NAME_INVALID", 400, "invalid repository name")
NAME_UNKNOWN = ErrorKind("NAME_UNKNOWN", 404, "repository name not known to registry")
TAG_INVALID = ErrorKind("TAG_INVALID", 400, "the tag does not follow the tag grammar")
TAG_UNKNOWN = ErrorKind("TAG_UNKNOWN", 404, "the specified tag does not exist")
DIGEST_INVALID = ErrorKind("DIGEST_INVALID", 400, "the digest is not valid: {reason}")
SIZE_INVALID = ErrorKind("SIZE_INVALID", 400, "the length is not valid: {reason}")
TAG_TAKEN = ErrorKind("TAG_INVALID", 409, "the tag {tag} names {digest} by now; use force to move it")
MANIFEST_UNKNOWN = ErrorKind("MANIFEST_UNKNOWN", 404, "manifest unknown to registry")
MANIFEST_NOT_ACCEPTED = ErrorKind(
    "MANIFEST_UNKNOWN", 404, "the manifest is of the type {media_type}, which the Accept header does not take"
)
MANIFEST_INVALID = ErrorKind("MANIFEST_INVALID", 400, "manifest invalid: {reason}")
MANIFEST_TOO_LARGE = ErrorKind("SIZE_INVALID", 413, "the manifest is larger than {limit} bytes")
MANIFEST_BLOB_UNKNOWN = ErrorKind(
    "MANIFEST_BLOB_UNKNOWN", 400, "the manifest names content that the repository does not have"
)
BLOB_UNKNOWN = ErrorKind("BLOB_UNKNOWN", 404, "blob unknown to registry")
BLOB_IN_USE = ErrorKind("UNSUPPORTED", 405, "the blob is named by a manifest; delete the manifest first")
BLOB_TOO_LARGE = ErrorKind("SIZE_INVALID", 413, "the blob is larger than {limit} bytes")
UPLOAD_UNKNOWN = ErrorKind("BLOB_UPLOAD_UNKNOWN", 404, "blob upload unknown to registry")
UPLOAD_INVALID = ErrorKind("BLOB_UPLOAD_INVALID", 400, "the upload request is not valid: {reason}")
UPLOAD_BUSY = ErrorKind("BLOB_UPLOAD_INVALID", 409, "another request is writing to this upload")
UPLOAD_OUT_OF_ORDER = ErrorKind(
    "BLOB_UPLOAD_INVALID", 416, "the chunk does not begin at byte {expected}, where the upload ends"
)
UPLOAD_TIMED_OUT = ErrorKind("BLOB_UPLOAD_INVALID", 408, "the body did not arrive in time: {reason}")
RANGE_UNSATISFIABLE = ErrorKind(
    "SIZE_INVALID", 416, "the range lies outside of the content, which has {size} bytes"
)
PAGINATION_INVALID = ErrorKind("PAGINATION_NUMBER_INVALID", 400, "invalid paging parameter: {reason}")
PARAMETER_INVALID = ErrorKind("UNSUPPORTED", 400, "{reason}")
FEATURE_UNSUPPORTED = ErrorKind("UNSUPPORTED", 400, "{feature} is not supported by this service. {hint}")
CONTENT_LOCKED = ErrorKind("UNSUPPORTED", 405, "the operation is disallowed: {attribute} is false")
TAG_IMMUTABLE = ErrorKind(
    "TAG_IMMUTABLE",
    409,
    "the tag '{tag}' names {digest} and cannot be moved: tags of this repository are written once",
)
QUARANTINED = ErrorKind("UNSUPPORTED", 405, "The operation is disallowed: the image is in quarantine.")
ATTRIBUTES_INVALID = ErrorKind("UNSUPPORTED", 400, "the attributes are not valid: {reason}")
TOO_MANY_REQUESTS = ErrorKind(
    "TOOMANYREQUESTS",
    429,
    "too many requests: the limit {name} of {limit} requests per minute is used up; retry in {seconds} s",
)
STORAGE_FULL = ErrorKind(
    "DENIED",
    403,
    "the registry's storage is used up: the tier {tier} holds {limit} bytes at most; delete content first",
)
UPSTREAM_DOWN = ErrorKind("UNAVAILABLE", 503, "the upstream of this repository fails: {reason}")
UPSTREAM_REFUSED = ErrorKind("DENIED", 403, "the upstream of this repository refuses: {reason}")
UPSTREAM_THROTTLED = ErrorKind("TOOMANYREQUESTS", 429, "the upstream of this repository throttles: {reason}")
UNAVAILABLE = ErrorKind("UNAVAILABLE", 503, "the service cannot reach its database or blob store now")
INTERNAL = ErrorKind("UNKNOWN", 500, "the service failed to process the request")
