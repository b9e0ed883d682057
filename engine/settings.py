"""Settings: read once, by the caller, from CONSIGNE_* variables. The only reader of the environment."""

import os
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, FilePath, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import InputError, Problem

PREFIX = "CONSIGNE_"


class Settings(BaseSettings):
    """Where things are and how much is allowed. Every field is the variable CONSIGNE_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: str = Field("sqlite:///consigne.db", description="SQLAlchemy URL, SQLite or PostgreSQL")
    broker_url: str = Field("mqtt://127.0.0.1:1883", description="mqtt[s]://user:password@host:port?version=5")
    broker_ca: FilePath | None = Field(None, description="whom to trust over mqtts; the system's authorities")
    broker_certificate: FilePath | None = Field(None, description="who we are to the broker; with broker_key")
    broker_key: FilePath | None = None
    broker_password_file: FilePath | None = Field(None, description="holds the password of the user in broker_url")
    equipment_file: FilePath | None = Field(None, description="the ways to equipment; all of it over the broker")
    rules_dir: Path = Field(Path("rules"), description="the rule files")
    datasets_dir: Path = Field(Path("datasets"), description="reference tables and the sample territory")
    data_dir: Path = Field(Path("var"), description="what Consigne writes beside its database")
    lang: str = Field("", pattern="^(|fr|en)$", description="fr or en; empty follows the locale")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field("auto", pattern="^(auto|json|console)$", description="auto: for people at a terminal")
    metrics_port: int = Field(0, ge=0, le=65535, description="/metrics, /livez and /readyz; 0 for none")
    metrics_host: str = Field("127.0.0.1", min_length=1, description="where they are listened for")
    ready_s: float = Field(60.0, ge=10, le=3_600, description="how old the last success of a part may be to be ready")
    live_s: float = Field(120.0, ge=100, le=7_200, description="how long a loop may give no sign of life")
    osrm_url: str = Field(
        "",
        pattern="^(|https?://[^/].*)$",
        description="OSRM server for road distances; empty: our own, on the kept map",
    )
    trace_url: str = Field("", pattern="^(|https?://[^/].*)$", description="OTLP/HTTP collector; empty for no traces")
    http_host: str = Field("127.0.0.1", min_length=1, description="where NGSI-LD notifications are listened for")
    http_port: int = Field(0, ge=0, le=65535, description="port for NGSI-LD notifications; 0 for none")
    http_token_file: FilePath | None = Field(None, description="holds the bearer token notifications must carry")
    clock_skew_s: float = Field(120.0, ge=0, le=86_400, description="how far ahead a device's clock may be")
    ingest_batch: int = Field(5_000, ge=1, le=1_000_000, description="messages taken into one transaction")
    receive_maximum: int = Field(1_000, ge=1, le=65_535, description="messages the broker may leave unacknowledged")
    ack_within_s: float = Field(30.0, gt=0, description="after this without an answer a read-back is asked for")
    lease_s: float = Field(60.0, gt=0, description="a command claimed and not sent within this may have left")
    lead_s: float = Field(15.0, ge=0.5, le=3_600, description="life of the lease of whoever leads; renewed at a third")
    stop_within_s: float = Field(20.0, ge=0, le=3_600, description="what runs when told to stop may take this long")
    grace_s: float = Field(60.0, gt=0, description="what is open this long after its expiry is ended")
    max_attempts: int = Field(3, ge=1, le=20)
    commands_per_second: float = Field(500.0, gt=0, description="of one sender to any one gateway")
    commands_per_second_domain: float = Field(5_000.0, gt=0, description="of one sender in any one domain")
    settle_s: float = Field(60.0, ge=0, description="after a start levels 8 to 15 wait for this, and for telemetry")
    jitter_s: float = Field(10.0, ge=0, description="over this a gateway's many switches at once are spread")
    plan_quantile: float = Field(0.94, gt=0, lt=1, description="of forecast traffic that lamps are planned for")
    rules_reload_s: float = Field(5.0, ge=0, description="how often rule files are looked at for changes; 0 for never")
    smtp_url: str = Field("", description="smtp[s]://user@host:port of the mail server; empty sends no mail")
    smtp_password_file: FilePath | None = Field(None, description="holds the password of the user in smtp_url")
    smtp_from: str = Field("", pattern=r"^(|[^\s@<>]+@[^\s@<>]+)$", description="the address mail comes from")
    compute: str = Field("processes", description="where heavy work is done: inline, processes or dask://HOST:PORT")
    workers: int = Field(0, ge=0, le=1024, description="worker processes of this machine; 0 for one a processor")
    worker_memory_mb: int = Field(2048, ge=64, description="resident memory past which a worker is killed")
    tasks_per_worker: int = Field(1000, ge=1, description="after as many a worker is replaced by a fresh one")
    rule_groups: int = Field(
        0, ge=0, le=1000, description="groups of zones whose rules are decided on workers; 0 for none, in the service"
    )
    rule_group_s: float = Field(60.0, ge=1, description="after this long the cycle of a group is given up")
    catch_up_days: int = Field(7, ge=0, le=366, description="a new leader looks this far back for missed runs")
    retention_days: int = Field(400, ge=1, description="readings older than this are pruned")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite://", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("wants sqlite:///FILE or postgresql://USER@HOST/NAME")
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, url: str) -> str:
        if not url.startswith(("mqtt://", "mqtts://")):
            raise ValueError("wants mqtt://HOST:PORT or mqtts://HOST:PORT")
        return url

    @field_validator("compute")
    @classmethod
    def _known_engine(cls, choice: str) -> str:
        parts = urlsplit(choice)
        try:
            cluster = parts.scheme == "dask" and parts.hostname and parts.port and not parts.path
        except ValueError:
            cluster = False
        if choice not in {"inline", "processes"} and not cluster:
            raise ValueError("wants inline, processes or dask://HOST:PORT")
        return choice

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if (self.broker_certificate is None) != (self.broker_key is None):
            raise ValueError("CONSIGNE_BROKER_CERTIFICATE and CONSIGNE_BROKER_KEY go together")
        return self

    @model_validator(mode="after")
    def _nobody_unknown(self) -> Self:
        if self.http_port and (self.http_token_file is None or not self.http_token_file.read_text().strip()):
            raise ValueError("CONSIGNE_HTTP_PORT wants CONSIGNE_HTTP_TOKEN_FILE, and a token in it")
        return self

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.port == 0):
            raise ValueError("wants smtp://USER@HOST:PORT (STARTTLS) or smtps://USER@HOST:PORT")
        if parts.password is not None:
            raise ValueError("a password does not belong here: write it into a file, CONSIGNE_SMTP_PASSWORD_FILE")
        return url

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if self.smtp_url and not self.smtp_from:
            raise ValueError("CONSIGNE_SMTP_URL wants CONSIGNE_SMTP_FROM, the address mail comes from")
        if self.smtp_url and (urlsplit(self.smtp_url).username is None) != (self.smtp_password_file is None):
            raise ValueError("a user in CONSIGNE_SMTP_URL and CONSIGNE_SMTP_PASSWORD_FILE go together")
        return self


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises InputError with every variable that is wrong, never showing a password."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise InputError(
            Problem(PREFIX + ".".join(map(str, item["loc"])).upper(), 0, 0, item["msg"], "see docs/operators.md")
            for item in error.errors()
        ) from None


def language(settings: Settings) -> Literal["en", "fr"]:
    """The language operators read: the setting, else the locale, else English."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "fr" if (settings.lang or locale).startswith("fr") else "en"
