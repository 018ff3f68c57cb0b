"""The api-versions of ARM's own types, oldest first: those that clients in use ask for.

ARM's provider-less paths have kept their shape over these; none of them shows or takes a member that another
of them does not.
"""

from __future__ import annotations

SUBSCRIPTIONS = (
    "2016-06-01",
    "2018-06-01",
    "2019-06-01",
    "2019-11-01",
    "2020-01-01",
    "2021-01-01",
    "2022-12-01",
)
RESOURCES = (
    "2018-05-01",
    "2019-05-01",
    "2019-10-01",
    "2020-06-01",
    "2020-10-01",
    "2021-04-01",
    "2022-09-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
)
