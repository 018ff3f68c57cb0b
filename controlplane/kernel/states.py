"""The two state machines of the system: a resource's and an operation's."""

from __future__ import annotations

from enum import StrEnum


class ProvisioningState(StrEnum):
    """State of a resource, as the wire spells it (ProvisioningState of the ARM models)."""

    CREATING = "Creating"
    UPDATING = "Updating"
    DELETING = "Deleting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def terminal(self) -> bool:
        """Tell whether no operation is under way in this state."""
        return self in _TERMINAL_PROVISIONING


class OperationStatus(StrEnum):
    """Status of an operation; the last three never change again."""

    ACCEPTED = "Accepted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def terminal(self) -> bool:
        """Tell whether the operation has ended."""
        return self in _TERMINAL_OPERATION


_TERMINAL_PROVISIONING = frozenset(
    {ProvisioningState.SUCCEEDED, ProvisioningState.FAILED, ProvisioningState.CANCELED}
)
_TERMINAL_OPERATION = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELED})
