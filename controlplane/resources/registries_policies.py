"""The objects within a registry's properties: network rules, policies, encryption, private endpoints.

Names and facts are those of ARM's models.
"""

from __future__ import annotations

from controlplane.arm.fields import choice, flag, items, model, moment, nested, text, whole
from controlplane.arm.shapes import SYSTEM_DATA
from controlplane.domain.network_rules import DefaultAction
from controlplane.kernel.states import ProvisioningState

STABLE, PREVIEW = "2025-11-01", "2026-09-01-preview"
_POLICY = ("enabled", "disabled")
# Days a policy may wait. Source: ranges of the retention and soft-delete policies of ACR.
_RETENTION = (0, 365)
_SOFT_DELETE = (1, 90)

_IP_RULE = model("IPRule", {"action": choice(("Allow",)), "value": text(required=True)})
_NETWORK_RULE = model(
    "VirtualNetworkRule",
    {"action": choice(("Allow",)), "virtualNetworkSubnetResourceId": text(required=True)},
)
NETWORK_RULES = model(
    "NetworkRuleSet",
    {
        "defaultAction": choice(DefaultAction, required=True),
        "virtualNetworkRules": items(nested(_NETWORK_RULE), since=PREVIEW),
        "ipRules": items(nested(_IP_RULE)),
    },
)
STATUS = model(
    "Status",
    {
        "displayStatus": text(read_only=True),
        "message": text(read_only=True),
        "timestamp": moment(read_only=True),
    },
)
_QUARANTINE = model("QuarantinePolicy", {"status": choice(_POLICY)})
_TRUST = model("TrustPolicy", {"type": choice(("Notary",)), "status": choice(_POLICY)})
_RETENTION_POLICY = model(
    "RetentionPolicy",
    {
        "days": whole(low=_RETENTION[0], high=_RETENTION[1]),
        "lastUpdatedTime": moment(read_only=True),
        "status": choice(_POLICY),
    },
)
_EXPORT = model("ExportPolicy", {"status": choice(_POLICY)})
_ARM_TOKENS = model("AzureADAuthenticationAsArmPolicy", {"status": choice(_POLICY)})
_SOFT_DELETE_POLICY = model(
    "SoftDeletePolicy",
    {
        "retentionDays": whole(low=_SOFT_DELETE[0], high=_SOFT_DELETE[1]),
        "lastUpdatedTime": moment(read_only=True),
        "status": choice(_POLICY),
    },
)
POLICIES = model(
    "Policies",
    {
        "quarantinePolicy": nested(_QUARANTINE),
        "trustPolicy": nested(_TRUST),
        "retentionPolicy": nested(_RETENTION_POLICY),
        "exportPolicy": nested(_EXPORT),
        "azureADAuthenticationAsArmPolicy": nested(_ARM_TOKENS),
        "softDeletePolicy": nested(_SOFT_DELETE_POLICY, since=PREVIEW),
    },
)
_KEY_VAULT = model(
    "KeyVaultProperties",
    {
        "keyIdentifier": text(),
        "versionedKeyIdentifier": text(read_only=True),
        "identity": text(),
        "keyRotationEnabled": flag(read_only=True),
        "lastKeyRotationTimestamp": moment(read_only=True),
    },
)
ENCRYPTION = model(
    "EncryptionProperty", {"status": choice(_POLICY), "keyVaultProperties": nested(_KEY_VAULT)}
)
_PRIVATE_ENDPOINT = model("PrivateEndpoint", {"id": text()})
_CONNECTION_STATE = model(
    "PrivateLinkServiceConnectionState",
    {
        "status": choice(("Approved", "Pending", "Rejected", "Disconnected")),
        "description": text(),
        "actionsRequired": choice(("None", "Recreate")),
    },
)
_CONNECTION_PROPERTIES = model(
    "PrivateEndpointConnectionProperties",
    {
        "privateEndpoint": nested(_PRIVATE_ENDPOINT),
        "privateLinkServiceConnectionState": nested(_CONNECTION_STATE),
        "provisioningState": choice(ProvisioningState, read_only=True),
    },
)
CONNECTION = model(
    "PrivateEndpointConnection",
    {
        "id": text(read_only=True),
        "name": text(read_only=True),
        "type": text(read_only=True),
        "systemData": nested(SYSTEM_DATA, read_only=True),
        "properties": nested(_CONNECTION_PROPERTIES),
    },
)
