"""Write-once rules as the data plane obeys them: the patterns of a registry's enabled rules, in one place."""

from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.persistence import registries, resources
from controlplane.persistence.database import Transaction

TYPE = f"{REGISTRY_TYPE}/writeOnceRules"


def put_in_force(tx: Transaction, registry_key: str) -> None:
    """Let pushes obey the rules as they are stored now. Twice: the second time changes nothing.

    The registry is locked before its rules are read: of two changes at once, the later sees both.
    """
    row = registries.lock(tx, registry_key)
    if row is None:
        return
    where = resources.Where(types=[TYPE.lower()], parent_key=registry_key)
    patterns = {
        pattern
        for rule in resources.every(tx, where)
        if rule.properties["status"] == "enabled"
        for pattern in rule.properties["repositories"]
    }
    if patterns != set(row.write_once):
        registries.set_write_once(tx, row.id, sorted(patterns))
