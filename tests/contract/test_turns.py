"""Writers of one SQLite file take turns."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.persistence.turns import TurnMissedError, Turns


def test_threads_never_have_it_at_once(tmp_path: Path) -> None:
    turns, inside, seen = Turns(str(tmp_path / "db"), 30), 0, []

    def work() -> None:
        nonlocal inside
        for _ in range(50):
            with turns.taken():
                inside += 1
                seen.append(inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 400
    turns.close()


def test_two_processes_never_have_it_at_once(tmp_path: Path) -> None:
    mine, theirs = (Turns(str(tmp_path / "db"), 30) for _ in range(2))
    entered = threading.Event()

    def wait() -> None:
        with theirs.taken():
            entered.set()

    with mine.taken():
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(10)
    thread.join()
    mine.close()
    theirs.close()


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    turns = Turns(str(tmp_path / "db"), 0.05)
    with turns.taken(), pytest.raises(TurnMissedError), turns.taken():
        pass
    with turns.taken():
        pass
    turns.close()


def test_a_forked_child_has_a_turn_of_its_own(tmp_path: Path) -> None:
    turns = Turns(str(tmp_path / "db"), 30)
    with turns.taken():  # forked in the middle of it: by another thread, usually
        pid = os.fork()
        if pid == 0:  # the child tells by its exit code
            with turns.taken():
                os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    with turns.taken():
        pass
    turns.close()


def test_a_transaction_inside_another_fails_rather_than_hangs(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sqlite_database._queue is not None  # noqa: SLF001 - its patience is half a minute
    monkeypatch.setattr(sqlite_database._queue, "_patience", 0.05)  # noqa: SLF001
    with sqlite_database.write(), pytest.raises(DatabaseUnavailableError), sqlite_database.write():
        pass
