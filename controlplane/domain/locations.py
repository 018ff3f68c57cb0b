"""Regions: how clients spell them and which exist here.

``East US``, ``eastus`` and ``EASTUS`` name the same region; it is stored and shown as ``eastus``.
"""

from __future__ import annotations

from collections.abc import Iterable

# Display names of well-known regions; another region is displayed under the name it has.
_DISPLAY_NAMES = {
    "eastus": "East US",
    "eastus2": "East US 2",
    "centralus": "Central US",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
    "northeurope": "North Europe",
    "westeurope": "West Europe",
    "uksouth": "UK South",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "swedencentral": "Sweden Central",
    "southeastasia": "Southeast Asia",
    "eastasia": "East Asia",
    "japaneast": "Japan East",
    "australiaeast": "Australia East",
}


def normalise(location: str) -> str:
    """Return a region's name as it is stored: lower case, without blanks."""
    return "".join(location.split()).lower()


def display_name(location: str) -> str:
    """Return a region's name as people read it."""
    name = normalise(location)
    return _DISPLAY_NAMES.get(name, name)


def find(location: str, available: Iterable[str]) -> str | None:
    """Return the stored name of a region, None when this deployment does not have it."""
    name = normalise(location)
    return name if name in {normalise(known) for known in available} else None
