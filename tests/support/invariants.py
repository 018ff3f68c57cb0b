"""What must hold of operations whatever is killed, watched by the database itself.

Triggers note each end of an operation and every change after it, so that a second end cannot hide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import sqlalchemy as sa

from controlplane.persistence.database import Database

_TABLE = "CREATE TABLE fault_notes (operation TEXT NOT NULL, note TEXT NOT NULL)"
_SQLITE = (
    """CREATE TRIGGER fault_end AFTER UPDATE ON operations
    WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
    BEGIN INSERT INTO fault_notes VALUES (NEW.id, 'ended'); END""",
    """CREATE TRIGGER fault_late AFTER UPDATE ON operations WHEN OLD.ended_at IS NOT NULL
    BEGIN INSERT INTO fault_notes VALUES (NEW.id, 'changed after its end'); END""",
    """CREATE TRIGGER fault_gone AFTER DELETE ON operations
    BEGIN INSERT INTO fault_notes VALUES (OLD.id, 'deleted'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION fault_note() RETURNS trigger AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN INSERT INTO fault_notes VALUES (OLD.id, 'deleted');
    ELSIF OLD.ended_at IS NOT NULL THEN INSERT INTO fault_notes VALUES (NEW.id, 'changed after its end');
    ELSIF NEW.ended_at IS NOT NULL THEN INSERT INTO fault_notes VALUES (NEW.id, 'ended');
    END IF; RETURN NULL; END $$ LANGUAGE plpgsql""",
    """CREATE TRIGGER fault_note AFTER UPDATE OR DELETE ON operations
    FOR EACH ROW EXECUTE FUNCTION fault_note()""",
)
_LIVE_OPERATIONS = "SELECT id, kind, status, attempt FROM operations WHERE ended_at IS NULL"
_UNSETTLED = (
    "SELECT id, provisioning_state FROM resources "
    "WHERE provisioning_state NOT IN ('Succeeded', 'Failed', 'Canceled')"
)


def watch(database: Database) -> None:
    """Have the database note what happens to operations from now on."""
    triggers = _POSTGRESQL if database.dialect == "postgresql" else _SQLITE
    with database.write() as tx:
        for statement in (_TABLE, *triggers):
            tx.connection.execute(sa.text(statement))


def everything_ended(database: Database) -> bool:
    """Tell whether no operation is under way."""
    return not _rows(database, _LIVE_OPERATIONS)


def ended(database: Database) -> int:
    """Return how many operations have ended."""
    return len(_rows(database, "SELECT id FROM operations WHERE ended_at IS NOT NULL"))


def violations(database: Database, accepted: Iterable[str]) -> list[str]:
    """Describe everything that does not hold, once the service is at rest.

    ``accepted`` are the operations that clients were told of.
    """
    stored = {str(row[0]) for row in _rows(database, "SELECT id FROM operations")}
    ends = Counter(str(row[0]) for row in _rows(database, "SELECT operation FROM fault_notes"))
    notes = _rows(database, "SELECT operation, note FROM fault_notes WHERE note <> 'ended'")
    found = [f"accepted operation {one} is not in the database" for one in set(accepted) - stored]
    found += [f"operation {row} has not ended" for row in _rows(database, _LIVE_OPERATIONS)]
    found += [f"operation {one} ended {ends[one]} times" for one in stored if ends[one] != 1]
    found += [f"operation {one}: {note}" for one, note in notes]
    found += [f"resource {row} is in a non-terminal state" for row in _rows(database, _UNSETTLED)]
    if database.dialect == "sqlite":
        found += [str(row) for row in _rows(database, "PRAGMA integrity_check") if row[0] != "ok"]
    return found


def _rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.read() as tx:
        return [tuple(row) for row in tx.connection.execute(sa.text(statement))]
