"""The settings, one field each; the environment variable is ``ACRCTL_`` and the field's name in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Plane = Literal["all", "management", "distribution"]


class Settings(BaseSettings):
    """Everything an operator can set. Times are seconds, sizes are bytes.

    Raises:
        pydantic.ValidationError: a variable has the wrong type or is out of range; it is named.
    """

    model_config = SettingsConfigDict(env_prefix="ACRCTL_", extra="ignore", frozen=True)

    # --- where things are
    state_dir: Path = Field(Path(".acrctl"), description="Folder of everything the embedded deployment keeps")
    database_url: str | None = Field(None, description="SQLAlchemy URL; default SQLite in the state folder")
    broker_url: str | None = Field(None, description="Celery broker URL; default in memory, in the worker")
    blob_url: str | None = Field(
        None, description="Blob store URL (file:///path); default in the state folder"
    )
    sqlite_synchronous: Literal["NORMAL", "FULL"] = Field(
        "NORMAL", description="`NORMAL` survives the death of any process, `FULL` power loss as well"
    )
    database_pool_size: int = Field(16, ge=1, le=500, description="Most database connections of one process")

    # --- what clients see
    host: str = Field("127.0.0.1", description="Address the TLS port listens on")
    port: int = Field(8443, ge=0, le=65535, description="TLS port of all planes")
    public_host: str = Field("localhost", description="Host name clients use for the management API")
    public_port: int | None = Field(None, description="Port clients use, when it differs (a proxy in front)")
    login_server_mode: Literal["port", "domain"] = Field(
        "port", description="Login servers are `LOGIN_HOST:PORT` (`port`) or `NAME.LOGIN_DOMAIN` (`domain`)"
    )
    login_ports: str = Field("5001-5199", description="Loopback ports for login servers in mode `port`")
    login_host: str = Field("localhost", description="Host of login servers in mode `port`")
    login_domain: str = Field("azurecr.localhost", description="Domain of login servers in mode `domain`")
    tls_cert: Path | None = Field(None, description="PEM chain; default made by the local authority")
    tls_key: Path | None = Field(None, description="PEM key (PKCS #8) of that chain")
    tls_names: str = Field(
        "", description="Further names and addresses for the local authority's certificate"
    )

    # --- identity
    tenant_id: str | None = Field(None, description="Directory id; default made at first start")
    subscription_id: str | None = Field(None, description="Default subscription; default made at first start")
    master_key: SecretStr | None = Field(
        None, description="Key(s) that encrypt stored secrets, `id:base64[,id:base64]`, first one encrypts"
    )
    token_lifetime: int = Field(3600, ge=60, description="Entra access tokens, seconds")
    registry_token_lifetime: int = Field(4500, ge=60, description="Registry access tokens, seconds")
    registry_refresh_lifetime: int = Field(3 * 3600, ge=300, description="Registry refresh tokens, seconds")

    # --- resources
    location: str = Field("eastus", description="Home region of this deployment")
    locations: str = Field(
        "eastus2,centralus,westus,westus2,westus3,northeurope,westeurope,uksouth,francecentral,"
        "germanywestcentral,swedencentral,southeastasia,eastasia,japaneast,australiaeast",
        description="Further region names that resources may be created in, comma separated",
    )
    default_group: str = Field("default", description="Resource group made at first start")

    # --- processes
    web_workers: int = Field(2, ge=1, le=64, description="Web worker processes")
    plane: Plane = Field("all", description="What the web process serves: management, distribution or all")
    web_threads: int = Field(64, ge=8, le=1024, description="Blocking threads of each web worker")
    worker_processes: int = Field(2, ge=1, le=64, description="Celery prefork pool size")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity logged"
    )
    log_format: Literal["text", "json"] = Field("text", description="Form of log lines")

    # --- operations
    retry_after: int = Field(1, ge=1, le=600, description="Retry-After of operations under way, seconds")
    operation_lease: float = Field(30.0, gt=0, description="A claimed operation is taken over after this")
    operation_deadline: float = Field(600.0, gt=0, description="An operation fails when it lasts longer")
    relay_interval: float = Field(0.02, gt=0, description="Pause between looks at an empty outbox")
    sweep_interval: float = Field(5.0, gt=0, description="Pause between sweeps for lost operations")

    # --- distribution
    manifest_limit: int = Field(4 * 1024 * 1024, description="Largest manifest")
    body_deadline: float = Field(3600.0, gt=0, description="Longest upload of one request body")
    body_min_rate: int = Field(1024, ge=0, description="Bytes per second below which an upload is ended")
    transfer_window: float = Field(30.0, gt=0, description="Seconds over which a transfer's rate is judged")
    upload_chunk_min: int = Field(
        0, ge=0, le=1024**3, description="Least chunk size uploads are told to use (`OCI-Chunk-Min-Length`)"
    )
    sparse_images: bool = Field(
        default=False, description="Take images whose config or layers are not in the repository (yet)"
    )
    upload_lifetime: float = Field(7 * 86400.0, gt=0, description="An idle upload is dropped after this")

    @model_validator(mode="after")
    def _tls_comes_in_pairs(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("ACRCTL_TLS_CERT and ACRCTL_TLS_KEY go together")
        return self

    @model_validator(mode="after")
    def _login_ports_are_a_range(self) -> Self:
        first, last = self.login_port_range
        if not 1 <= first <= last <= 65535:  # noqa: PLR2004 - TCP's limits
            raise ValueError("ACRCTL_LOGIN_PORTS must be a range such as 5001-5199")
        return self

    @property
    def login_port_range(self) -> tuple[int, int]:
        """First and last port for login servers in mode ``port``."""
        first, _, last = self.login_ports.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            raise ValueError("ACRCTL_LOGIN_PORTS must be a range such as 5001-5199")
        return int(first), int(last or first)

    @property
    def broker_in_memory(self) -> bool:
        """Whether the broker lives in the worker's own process."""
        return (self.broker_url or "memory").startswith("memory")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.state_dir.resolve() / 'acrctl.db'}"

    @property
    def blobs(self) -> str:
        """The blob store URL in force."""
        return self.blob_url or (self.state_dir.resolve() / "blobs").as_uri()

    @property
    def public_authority(self) -> str:
        """``host:port`` under which clients reach the management API (443 is left out)."""
        port = self.public_port or self.port
        return self.public_host if port == 443 else f"{self.public_host}:{port}"  # noqa: PLR2004 - https

    @property
    def public_url(self) -> str:
        """Base URL of the management API without a trailing slash."""
        return f"https://{self.public_authority}"

    @property
    def all_locations(self) -> tuple[str, ...]:
        """Home region first, then the further ones."""
        more = (name.strip() for name in self.locations.split(","))
        return (self.location, *(name for name in more if name and name != self.location))
