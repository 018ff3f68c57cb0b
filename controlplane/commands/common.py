"""What the commands share: settings with an absolute state folder, and errors as one line with a hint."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
import pydantic

from controlplane.kernel import logs
from controlplane.settings.model import Settings
from controlplane.supervisor.errors import StartError
from controlplane.supervisor.report import AlreadyRunningError

P = ParamSpec("P")
R = TypeVar("R")

_STATE_DIR = "ACRCTL_STATE_DIR"


class Refusal(click.ClickException):
    """The command cannot do what it was asked; exit code 1."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)


def reporting(function: Callable[P, R]) -> Callable[P, R]:
    """Turn expected failures into messages; anything else is a defect and keeps its traceback."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except StartError as error:
            raise Refusal(str(error), error.hint) from error
        except AlreadyRunningError as error:
            raise Refusal(f"{error}.") from error

    return wrapper


def load_settings() -> Settings:
    """Read the settings; the state folder becomes absolute, for this process and those it starts.

    Raises:
        Refusal: a variable is malformed; every such variable is named.
    """
    os.environ[_STATE_DIR] = str(_state_dir())
    try:
        return Settings()
    except pydantic.ValidationError as error:
        raise Refusal("\n".join(_complaint(problem) for problem in error.errors())) from error


def start_logging(settings: Settings) -> None:
    """Log to standard error, as the settings say."""
    logs.configure(settings.log_level, settings.log_format)


def _state_dir() -> Path:
    """Return the state folder: as set, else beside the sources in a checkout, else in the current folder."""
    configured = os.environ.get(_STATE_DIR)
    if configured:
        return Path(configured).expanduser().resolve()
    sources = Path(__file__).resolve().parents[2]
    base = sources if (sources / "pyproject.toml").exists() else Path.cwd()
    return base / ".acrctl"


def _complaint(problem: object) -> str:
    details = dict(problem) if isinstance(problem, dict) else {}
    variable = "_".join(str(part) for part in details.get("loc", ())).upper()
    message = str(details.get("msg", "")).removeprefix("Value error, ")
    return f"ACRCTL_{variable}: {message}" if variable else message
