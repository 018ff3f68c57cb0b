"""Logging of a process: one line a record to standard error, as text or as JSON.

Whoever starts the process decides where standard error goes; no process opens a log file of its own.
"""

from __future__ import annotations

import json
import logging
import logging.config
from datetime import UTC, datetime
from typing import Any

_TEXT = "%(asctime)s %(levelname)-7s %(name)s[%(process)d] %(message)s"
# Libraries whose information is our debug output.
_CHATTY = ("alembic", "kombu", "amqp", "celery.bootsteps", "celery.worker.strategy", "celery.app.trace")


class JsonFormatter(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configuration(level: str, style: str) -> dict[str, Any]:
    """Return the ``logging.config.dictConfig`` argument for a level and ``text`` or ``json``."""
    formatter = {"()": JsonFormatter} if style == "json" else {"format": _TEXT}
    quiet = level.upper() if level.lower() in {"debug", "error"} else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {name: {"level": quiet} for name in _CHATTY},
    }


def configure(level: str, style: str) -> None:
    """Set up logging for this process."""
    logging.config.dictConfig(configuration(level, style))
