"""Table columns that several commands share, named as az names them."""

from __future__ import annotations

from cli.spec import Column

REGISTRY = (
    Column("NAME", "name"),
    Column("RESOURCE GROUP", "resourceGroup"),
    Column("LOCATION", "location"),
    Column("SKU", "sku.name"),
    Column("LOGIN SERVER", "loginServer"),
    Column("CREATION DATE", "creationDate", time=True),
    Column("ADMIN ENABLED", "adminUserEnabled"),
)
USAGE = (
    Column("NAME", "name"),
    Column("LIMIT", "limit"),
    Column("CURRENT VALUE", "currentValue"),
    Column("UNIT", "unit"),
)
CREDENTIAL = (
    Column("USERNAME", "username"),
    Column("PASSWORD", "passwords.0.value"),
    Column("PASSWORD2", "passwords.1.value"),
)
RESOURCE_GROUP = (
    Column("Name", "name"),
    Column("Location", "location"),
    Column("Status", "properties.provisioningState"),
)
ACCOUNT = (
    Column("Name", "name"),
    Column("CloudName", "cloudName"),
    Column("SubscriptionId", "id"),
    Column("TenantId", "tenantId"),
    Column("State", "state"),
    Column("IsDefault", "isDefault"),
)
ROLE_ASSIGNMENT = (
    Column("Principal", "principalName"),
    Column("Role", "roleDefinitionName"),
    Column("Scope", "scope"),
)
ROLE_DEFINITION = (
    Column("Name", "roleName"),
    Column("Type", "type"),
    Column("Description", "description"),
)
OPERATION = (
    Column("OPERATION", "name"),
    Column("KIND", "operation"),
    Column("STATUS", "status"),
    Column("PERCENT", "percentComplete"),
    Column("STARTED", "startTime", time=True),
    Column("ENDED", "endTime", time=True),
    Column("RESOURCE", "resourceId"),
)
PROFILE = (
    Column("NAME", "name"),
    Column("CURRENT", "current"),
    Column("ENDPOINT", "endpoint"),
    Column("CLIENT ID", "clientId"),
    Column("SUBSCRIPTION", "subscriptionName"),
)
