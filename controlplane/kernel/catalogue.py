"""The errors of the management plane, one entry each.

Codes and statuses are those of Azure Resource Manager and the ACR resource provider.
"""

from __future__ import annotations

from controlplane.kernel.errors import ErrorKind

# --- the front door -------------------------------------------------------------------------------------
MISSING_API_VERSION = ErrorKind(
    "MissingApiVersionParameter",
    400,
    "The api-version query parameter (?api-version=) is required for all requests.",
)
INVALID_API_VERSION = ErrorKind(
    "InvalidApiVersionParameter",
    400,
    "The api-version '{version}' is invalid. The supported versions are '{supported}'.",
)
NO_REGISTERED_PROVIDER = ErrorKind(
    "NoRegisteredProviderFound",
    400,
    "No registered resource provider found for API version '{version}' and type '{type}'. "
    "The supported api-versions are '{supported}'.",
)
INVALID_RESOURCE_TYPE = ErrorKind(
    "InvalidResourceType",
    404,
    "The resource type '{type}' could not be found in the namespace '{namespace}' "
    "for api version '{version}'.",
)
INVALID_RESOURCE_NAMESPACE = ErrorKind(
    "InvalidResourceNamespace", 404, "The resource namespace '{namespace}' is invalid."
)
ROUTE_NOT_FOUND = ErrorKind("NotFound", 404, "No API of this service is at '{method} {path}'.")
METHOD_NOT_ALLOWED = ErrorKind(
    "MethodNotAllowed", 405, "The method {method} is not supported here; supported: {allowed}."
)
INVALID_REQUEST_CONTENT = ErrorKind("InvalidRequestContent", 400, "The request content was invalid: {reason}")
UNSUPPORTED_MEDIA_TYPE = ErrorKind(
    "UnsupportedMediaType", 415, "The content type '{type}' is not supported; send application/json."
)
REQUEST_TOO_LARGE = ErrorKind(
    "RequestTooLarge", 413, "The request body is larger than the {limit} bytes accepted here."
)
INVALID_PARAMETER = ErrorKind("InvalidParameter", 400, "{reason}")
LOCATION_REQUIRED = ErrorKind(
    "LocationRequired", 400, "The location property is required for this definition."
)
LOCATION_NOT_AVAILABLE = ErrorKind(
    "LocationNotAvailableForResourceType",
    400,
    "The provided location '{location}' is not available for resource type '{type}'. "
    "Available locations: {available}.",
)
INVALID_RESOURCE_NAME = ErrorKind("InvalidResourceName", 400, "The resource name '{name}' is invalid. {rule}")
AUTHENTICATION_FAILED = ErrorKind("AuthenticationFailed", 401, "Authentication failed. {reason}")
INVALID_TOKEN = ErrorKind("InvalidAuthenticationToken", 401, "The access token is invalid. {reason}")
EXPIRED_TOKEN = ErrorKind(
    "ExpiredAuthenticationToken", 401, "The access token has expired; request a new one."
)
AUTHORIZATION_FAILED = ErrorKind(
    "AuthorizationFailed",
    403,
    "The client '{client}' with object id '{object_id}' does not have authorization to perform action "
    "'{action}' over scope '{scope}' or the scope is invalid. "
    "If access was recently granted, please refresh your credentials.",
)
SUBSCRIPTION_NOT_FOUND = ErrorKind(
    "SubscriptionNotFound", 404, "The subscription '{subscription}' could not be found."
)
RESOURCE_GROUP_NOT_FOUND = ErrorKind(
    "ResourceGroupNotFound", 404, "Resource group '{group}' could not be found."
)
RESOURCE_NOT_FOUND = ErrorKind(
    "ResourceNotFound", 404, "The Resource '{type}/{name}' under resource group '{group}' was not found."
)
CHILD_NOT_FOUND = ErrorKind("ResourceNotFound", 404, "The resource {name} could not be found.", provider=True)
PARENT_NOT_FOUND = ErrorKind(
    "ParentResourceNotFound",
    404,
    "Failed to perform '{verb}' on resource '{type}/{name}', "
    "because the parent resource '{parent}' could not be found.",
)
INVALID_RESOURCE_LOCATION = ErrorKind(
    "InvalidResourceLocation",
    409,
    "The resource '{name}' already exists in location '{existing}'. "
    "A resource with the same name cannot be created in location '{location}'.",
)
INVALID_GROUP_LOCATION = ErrorKind(
    "InvalidResourceGroupLocation",
    409,
    "Invalid resource group location '{location}'. "
    "The Resource group already exists in location '{existing}'.",
)
GROUP_BEING_DELETED = ErrorKind(
    "ResourceGroupBeingDeleted",
    409,
    "The resource group '{group}' is in deprovisioning state and cannot perform this operation.",
)
ROLE_ASSIGNMENT_EXISTS = ErrorKind("RoleAssignmentExists", 409, "The role assignment already exists.")
ROLE_DEFINITION_NOT_FOUND = ErrorKind(
    "RoleDefinitionDoesNotExist", 404, "The specified role definition with ID '{id}' does not exist."
)
ROLE_ASSIGNMENT_NOT_FOUND = ErrorKind(
    "RoleAssignmentNotFound", 404, "The role assignment '{name}' is not found."
)
PRINCIPAL_NOT_FOUND = ErrorKind(
    "PrincipalNotFound", 400, "Principal {principal} does not exist in the directory {tenant}."
)
PRECONDITION_FAILED = ErrorKind(
    "PreconditionFailed", 412, "The condition '{header}: {value}' does not hold; the current ETag is {etag}."
)
OPERATION_NOT_FOUND = ErrorKind("OperationNotFound", 404, "The operation '{id}' could not be found.")
OPERATION_NOT_CANCELABLE = ErrorKind(
    "OperationNotCancelable", 409, "The operation '{id}' has already ended as {status}."
)
CONFLICT = ErrorKind(
    "Conflict",
    409,
    "Another operation ({operation}) is in progress on '{resource}'. Try again when it has ended.",
    provider=True,
)
INTERNAL_ERROR = ErrorKind(
    "InternalServerError", 500, "The service failed to process the request; request id {request_id}."
)
SERVICE_UNAVAILABLE = ErrorKind(
    "ServiceUnavailable", 503, "The service cannot reach its database right now; try again in {seconds} s."
)

# --- roles -----------------------------------------------------------------------------------------------
ROLE_ASSIGNMENT_INVALID = ErrorKind("InvalidRoleAssignment", 400, "The role assignment is invalid: {reason}")
ASSIGNED_ROLE_NOT_FOUND = ErrorKind(
    "RoleDefinitionDoesNotExist", 400, "The specified role definition with ID '{id}' does not exist."
)
ROLE_ASSIGNMENT_FIXED = ErrorKind(
    "RoleAssignmentUpdateNotPermitted",
    400,
    "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
)
ROLE_NOT_ASSIGNABLE = ErrorKind(
    "RoleDefinitionNotAssignable", 400, "The role '{role}' is not assignable at scope '{scope}'."
)
PRINCIPAL_TYPE_WRONG = ErrorKind(
    "UnmatchedPrincipalType",
    400,
    "The PrincipalId '{principal}' has type '{actual}', which is different from specified "
    "PrincipalType '{given}'.",
)
CONDITION_INVALID = ErrorKind("InvalidCondition", 400, "The condition of the role assignment: {reason}.")
ROLE_DEFINITION_INVALID = ErrorKind("InvalidRoleDefinition", 400, "{reason}")
ROLE_DEFINITION_BUILT_IN = ErrorKind(
    "RoleDefinitionIsBuiltIn", 409, "The role '{role}' is built in and cannot be changed or deleted."
)
ROLE_DEFINITION_NAME_TAKEN = ErrorKind(
    "RoleDefinitionWithSameNameExists", 409, "A custom role with the name '{role}' already exists."
)
ROLE_DEFINITION_IN_USE = ErrorKind(
    "RoleDefinitionHasAssignments",
    400,
    "There are existing role assignments referencing role '{role}'; delete them first.",
)

# --- the directory (Microsoft Graph's codes) --------------------------------------------------------------
DIRECTORY_NOT_FOUND = ErrorKind(
    "Request_ResourceNotFound",
    404,
    "Resource '{id}' does not exist or one of its queried reference-property objects are not present.",
)
DIRECTORY_BAD_REQUEST = ErrorKind("Request_BadRequest", 400, "{reason}")
DIRECTORY_UNSUPPORTED = ErrorKind("Request_UnsupportedQuery", 400, "{reason}")
DIRECTORY_TAKEN = ErrorKind("Request_MultipleObjectsWithSameKeyValue", 409, "{reason}")
DIRECTORY_DENIED = ErrorKind(
    "Authorization_RequestDenied",
    403,
    "Insufficient privileges to complete the operation: it needs '{action}' at the root scope.",
)

# --- the ACR resource provider ---------------------------------------------------------------------------
REGISTRY_NAME_IN_USE = ErrorKind(
    "RegistryNameAlreadyInUse", 409, "The registry name {name} is already in use.", provider=True
)
QUOTA_EXCEEDED = ErrorKind(
    "QuotaExceeded", 403, "Quota exceeded for resource type {type} for the registry SKU {sku}.", provider=True
)
SKU_NOT_SUPPORTED = ErrorKind(
    "SkuNotSupported", 400, "The SKU {sku} is not supported. {reason}", provider=True
)
PUBLIC_ACCESS_NEEDS_PREMIUM = ErrorKind(
    "DisablingPublicNetworkAccessNotSupported",
    400,
    "Disabling public network access is not supported for the SKU {sku}.",
    provider=True,
)
SKU_CHANGE_REFUSED = ErrorKind(
    "SkuUpdateNotSupported", 400, "Cannot update the registry SKU due to reason: {reason}", provider=True
)
CACHE_RULE_EXISTS = ErrorKind(
    "CacheRuleConflict", 409, "Another cache rule than '{name}' has this target repository.", provider=True
)
IMPORT_SOURCE_NOT_FOUND = ErrorKind(
    "InvalidParameters", 400, "The source registry '{source}' could not be found.", provider=True
)
IMPORT_CONFLICT = ErrorKind(
    "Conflict",
    409,
    "Tag {tag} already exists in target registry. Use the mode Force to move it.",
    provider=True,
)
IMPORT_FAILED = ErrorKind("InvalidParameters", 400, "Importing {image} failed: {reason}", provider=True)
FEATURE_NOT_SUPPORTED = ErrorKind(
    "FeatureNotSupported", 400, "{feature} is not supported by this service yet. {hint}", provider=True
)
ADMIN_USER_DISABLED = ErrorKind(
    "UnAuthorizedForCredentialOperations",
    400,
    "Cannot perform credential operations for {id} as admin user is disabled. Enable the admin user first.",
    provider=True,
)
PROPERTY_READ_ONLY = ErrorKind(
    "PropertyChangeNotAllowed", 400, "The property '{name}' cannot be changed after creation.", provider=True
)
LOGIN_PORTS_USED_UP = ErrorKind(
    "LoginServerPortsExhausted",
    409,
    "No free port is left for a login server in {first}-{last}; widen ACRCTL_LOGIN_PORTS.",
    provider=True,
)
LOGIN_SERVER_TAKEN = ErrorKind(
    "LoginServerAlreadyInUse", 409, "The login server {host} belongs to another registry.", provider=True
)
REPLICA_NOT_COPIED = ErrorKind(
    "ReplicaNotCopied", 503, "{digest} is in {region} only, and cannot be copied: {reason}", provider=True
)
LOGIN_SERVER_UNREACHABLE = ErrorKind(
    "LoginServerUnreachable",
    503,
    "The login server {host} does not accept connections yet; its port is opened by `controlplane up`.",
    provider=True,
)

REFERENCE_INVALID = ErrorKind(
    "LinkedInvalidPropertyId",
    400,
    "Property id '{id}' at path '{path}' is invalid: {reason}",
    provider=True,
)
RESOURCE_IN_USE = ErrorKind(
    "ResourceInUse",
    409,
    "The resource '{name}' cannot be deleted because '{by}' refers to it.",
    provider=True,
)
SCOPE_MAP_SYSTEM_DEFINED = ErrorKind(
    "ScopeMapSystemDefined",
    409,
    "The scope map '{name}' is defined by the system and can be neither changed nor deleted.",
    provider=True,
)
TOKEN_PASSWORD_UNKNOWN = ErrorKind(
    "TokenPasswordNotFound",
    400,
    "The token has no '{name}'; passwords are made by generateCredentials.",
    provider=True,
)
NESTED_RESOURCE_BUSY = ErrorKind(
    "NestedResourceBusy", 409, "Waiting for operation {operation} on '{resource}' to end.", provider=True
)

# --- operations -------------------------------------------------------------------------------------------
OPERATION_TIMED_OUT = ErrorKind(
    "OperationTimedOut",
    408,
    "The operation did not end before its deadline ({seconds} s); attempts made: {attempts}.",
)
OPERATION_CANCELED = ErrorKind(
    "OperationCanceled", 409, "The operation was cancelled at the caller's request."
)
STEP_FAILED = ErrorKind(
    "InternalServerError", 500, "The step '{step}' of the operation failed and was not recoverable."
)
