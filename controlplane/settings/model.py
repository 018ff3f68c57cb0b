"""The settings, one field each; the environment variable is ``ACRCTL_`` and the field's name in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from controlplane.settings.texts import Network, listed, networks, port_range, refuse_no_regions, region_urls

Plane = Literal["all", "management", "distribution"]
RateClass = Literal["read", "write", "delete", "referrers"]


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
        None,
        description="Blob store URL: file:///path, s3://bucket/prefix, az://container/prefix or "
        "gs://bucket/prefix; default in the state folder",
    )
    blob_options: SecretStr = Field(
        SecretStr(""),
        description="Endpoint and credentials of an object store, `name=value,name=value`; default the "
        "provider's own environment variables",
    )
    regions: SecretStr = Field(
        SecretStr(""),
        description="Blob stores of single regions, `region=URL` separated by commas; options of an object "
        "store follow its URL as a query. A region without one has a folder of its own in `BLOB_URL`",
    )
    blob_redirect: bool = Field(
        False,
        description="Answer pulls of large blobs with 307 and a signed URL of the object store",
    )
    blob_redirect_size: int = Field(
        1024 * 1024, ge=0, description="Smallest blob that is redirected rather than streamed"
    )
    blob_redirect_lifetime: int = Field(
        900, ge=1, le=604800, description="How long a signed URL of a blob holds, seconds"
    )
    sqlite_synchronous: Literal["NORMAL", "FULL"] = Field(
        "NORMAL", description="`NORMAL` survives the death of any process, `FULL` power loss as well"
    )
    database_pool_size: int = Field(
        16, ge=1, le=500, description="Most database connections of one process, beside four for pulls"
    )

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
    serve_region: str | None = Field(
        None, description="The one region whose endpoints the web process answers; default all"
    )
    worker_regions: str = Field(
        "", description="Regions that workers copy content to, comma separated; default all"
    )
    replication_retry: float = Field(
        1.0, gt=0, description="First pause before a copy to another region is tried again, seconds"
    )
    replication_deadline: float = Field(
        300.0,
        gt=0,
        description="Seconds that creating a replication waits for the first copies; later ones follow",
    )

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

    # --- what the service connects to on a user's behalf
    outbound_networks: str = Field(
        "", description="Private networks that webhooks and upstreams may be in (CIDR, comma separated)"
    )
    outbound_ca: Path | None = Field(
        None, description="PEM file of further authorities that webhooks and upstreams may use"
    )
    upstream_realms: str = Field(
        "",
        description="Token services that may be given an upstream's credentials though they are on another "
        "host: `registry=host`, comma separated",
    )
    upstream_insecure: str = Field(
        "", description="Upstreams reached over plain HTTP (`host:port`, comma separated)"
    )
    secrets_dir: Path | None = Field(
        None, description="Folder of secrets that credential sets name: VAULT/NAME, a file each"
    )
    cache_ttl: int = Field(
        60, ge=0, description="Seconds for which a cached tag is not compared with its upstream"
    )
    import_deadline: float = Field(
        6 * 3600.0, gt=0, description="An import fails when it lasts longer, seconds"
    )
    webhook_timeout: float = Field(5.0, gt=0, le=60, description="Seconds a webhook has to answer")
    webhook_retry: float = Field(
        1.0, gt=0, description="First pause before a delivery is tried again, seconds; it doubles"
    )
    webhook_lifetime: float = Field(
        86400.0, gt=0, description="Seconds after which a delivery that never succeeded is given up"
    )
    webhook_patience: float = Field(
        3 * 86400.0, gt=0, description="Seconds of nothing but failures after which a webhook is disabled"
    )

    # --- upkeep
    upload_grace: float = Field(
        86400.0,
        gt=0,
        description="A blob that no manifest names leaves its repository this long after its push",
    )
    release_grace: float = Field(
        3600.0, gt=0, description="A blob whose last manifest went may be taken back by a push for so long"
    )
    scrub_days: float = Field(
        30.0, gt=0, description="Stored bytes are read and hashed again after so many days"
    )
    scrub_rate: int = Field(
        20 * 1024 * 1024, ge=0, description="Bytes per second hashed again, on average; 0 turns that off"
    )
    event_days: float = Field(
        30.0,
        gt=0,
        description="Events of content, and what webhooks were told of them, are kept for so many days",
    )
    operation_days: float = Field(
        30.0, gt=0, description="Operations that have ended are kept for so many days"
    )

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
    trusted_proxies: str = Field(
        "",
        description="Networks (CIDR) of proxies whose `X-Forwarded-For` is believed, comma separated",
    )
    throttling: Literal["on", "off"] = Field(
        "on", description="Whether requests to registries are limited as their tiers say"
    )
    throttle_factor: float = Field(1.0, gt=0, description="The rates of the tiers are multiplied by this")
    throttle_url: str | None = Field(
        None, description="Redis through which machines compare their counts; default the broker"
    )
    identity_rates: dict[str, dict[RateClass, PositiveInt]] = Field(
        {},
        description="Requests per minute of single identities, JSON: "
        '`{"REGISTRY/TOKEN": {"read": 600, "write": 60}}`',
    )
    pull_interval: float = Field(5.0, gt=0, description="Times of last pulls are written this often, seconds")
    pulls_not_counted: str = Field(
        "", description="User agents and identities whose pulls count for nothing; `*` is any text"
    )
    upload_lifetime: float = Field(7 * 86400.0, gt=0, description="An idle upload is dropped after this")

    @model_validator(mode="after")
    def _tls_comes_in_pairs(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("ACRCTL_TLS_CERT and ACRCTL_TLS_KEY go together")
        return self

    @model_validator(mode="after")
    def _login_ports_are_a_range(self) -> Self:
        _ = self.login_port_range
        return self

    @model_validator(mode="after")
    def _proxies_are_networks(self) -> Self:
        _ = self.trusted_networks
        return self

    @model_validator(mode="after")
    def _regions_have_names(self) -> Self:
        refuse_no_regions((*self.region_urls, *self.copied_regions, self.serve_region or self.location))
        return self

    @property
    def region_urls(self) -> dict[str, str]:
        """URLs of the blob stores of regions that have one of their own.

        Raises:
            ValueError: a row is not ``region=URL``.
        """
        return region_urls(self.regions.get_secret_value())

    @property
    def copied_regions(self) -> tuple[str, ...]:
        """The regions that workers of this process copy content to; none named means all."""
        return listed(self.worker_regions)

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """Where a client's address is taken from what a proxy tells."""
        return networks("ACRCTL_TRUSTED_PROXIES", self.trusted_proxies)

    @property
    def throttle_redis(self) -> str | None:
        """URL of the Redis through which machines compare their counts, None when each counts for itself."""
        if self.throttle_url is not None:
            return self.throttle_url or None
        return self.broker_url if (self.broker_url or "").startswith(("redis://", "rediss://")) else None

    @property
    def login_port_range(self) -> tuple[int, int]:
        """First and last port for login servers in mode ``port``."""
        return port_range("ACRCTL_LOGIN_PORTS", self.login_ports)

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
        return tuple(dict.fromkeys((self.location, *listed(self.locations), *self.region_urls)))
