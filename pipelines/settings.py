"""A home and its settings: where state lives, which counties are served, who receives mail.

``wengang.toml`` is read whole and every fault is named at once. Secrets never lie here: they come from the environment.
"""

import os
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import SettingsError
from pipelines.source_settings import Sources

SMTP_PASSWORD = "WENGANG_SMTP_PASSWORD"  # noqa: S105  the name of the variable, not a secret


UNKNOWN = "未知县区"
"""What a county is called that no code names."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class City(_Strict):
    """The place served, as its pages name it; ``also`` are other words for it that names of enterprises begin with.

    ``state_owned`` are the codes of the enterprises that are state-owned here: no feed tells who is.
    """

    name: str = "本市"
    also: tuple[str, ...] = ()
    bureau: str = "人力资源和社会保障局"
    state_owned: tuple[str, ...] = ()
    simulated: bool = False


class County(_Strict):
    """A county or functional zone: its name, and new yellow and blue cases its officers can visit a month.

    ``also`` are other words that names of its enterprises begin with: an older name, the short name of a zone.
    ``within`` is the code of the county whose reports hold those of this zone too, so that a city counts them once.
    """

    name: str
    also: tuple[str, ...] = ()
    within: str = ""
    capacity: int = Field(ge=0)


class Mail(_Strict):
    """Who writes, who receives, through which server; without ``smtp_host`` mails are files in ``outbox/``."""

    sender: str = "wengang@localhost"
    duty: tuple[str, ...] = ("duty@localhost",)
    operator: tuple[str, ...] = ()
    county: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    inner_domains: tuple[str, ...] = ("localhost",)
    link: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_user: str = ""
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_timeout_seconds: int = Field(default=30, ge=1)

    @property
    def operators(self) -> tuple[str, ...]:
        """Who hears of faults of the system, each once: ``operator``, else the duty officers."""
        return tuple(dict.fromkeys(self.operator or self.duty))

    def is_inner(self, address: str) -> bool:
        """Whether ``address`` lies in one of the bureau's own domains."""
        return address.rsplit("@", 1)[-1].lower() in {inner.lower() for inner in self.inner_domains}


class Watch(_Strict):
    """From when on the watch speaks up: disk left, and days since the last backup and the last restore drill."""

    disk_gibibytes: int = Field(default=5, ge=1)
    backup_days: int = Field(default=2, ge=1)
    drill_days: int = Field(default=40, ge=1)


class Backup(_Strict):
    """Where backups go (a folder on another disk; empty: nowhere yet) and how many snapshots are kept."""

    folder: str = ""
    keep: int = Field(default=14, ge=1)


class Retention(_Strict):
    """How long housekeeping leaves what is told elsewhere too, and how much of the working file may lie free.

    ``mails_days`` is about the files in ``outbox/``: the ledger keeps every mail. Delivered files that are past their
    retention are put on record and go ``notice_days`` later.
    """

    logs_days: int = Field(default=180, ge=1)
    mails_days: int = Field(default=90, ge=1)
    free_share: float = Field(default=0.5, gt=0, lt=1)
    notice_days: int = Field(default=14, ge=1)


class EngineSettings(_Strict):
    """Where features and scores are computed: in the night's own process, in ``processes`` of this host, or on Spark.

    For Spark: the URL of its ``master``, the folder that is its SPARK_HOME, and further ``options`` of Spark by name.
    """

    kind: Literal["here", "processes", "spark"] = "here"
    processes: int = Field(default=2, ge=1)
    master: str = ""
    spark_home: str = ""
    options: dict[str, str] = Field(default_factory=dict)


class Approval(_Strict):
    """What the sharing of one feed was approved for at this site; what is not said here is as the feed's contract says.

    ``until`` is its last day, ``uses`` are some of warning, training, publication and county_files.
    """

    catalogue: str | None = None
    purpose: str | None = None
    uses: tuple[Literal["warning", "training", "publication", "county_files"], ...] | None = None
    until: date | None = None


class Settings(_Strict):
    """Everything a site decides that is not a contract and not a contestable number of policy.

    ``simulated_deliveries`` is the ``deliveries.csv`` of a generated city, which then stands for the departments.
    """

    city: City = City()
    counties: dict[str, County] = Field(default_factory=dict)
    default_capacity: int = Field(default=10, ge=0)
    mail: Mail = Mail()
    backup: Backup = Backup()
    retention: Retention = Retention()
    watch: Watch = Watch()
    engine: EngineSettings = EngineSettings()
    sources: Sources = Field(default_factory=dict)
    approval: dict[str, Approval] = Field(default_factory=dict)
    keep_published: int = Field(default=30, ge=1)
    simulated_deliveries: str = ""

    def capacity(self, county_code: str | None) -> int:
        """New yellow and blue cases per insurance month that ``county_code`` can visit."""
        county = self.counties.get(county_code or "")
        return county.capacity if county else self.default_capacity

    def within(self, county_code: str) -> str | None:
        """Code of the county whose reports hold those of this one too; None where its reports are counted apart."""
        county = self.counties.get(county_code)
        return county.within or None if county else None

    def county_name(self, county_code: str | None) -> str:
        """Name of ``county_code``; the code itself where the settings do not name it."""
        if not county_code:
            return UNKNOWN
        county = self.counties.get(county_code)
        return county.name if county else county_code


@dataclass(frozen=True)
class Home:
    """The folder that holds all state of one installation."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """``wengang.toml``."""
        return self.root / "wengang.toml"

    @property
    def inbox(self) -> Path:
        """Files as they came, one folder per feed."""
        return self.root / "inbox"

    @property
    def fetching(self) -> Path:
        """What was fetched of an answer that is not whole yet, and who is fetching."""
        return self.root / "fetching"

    @property
    def landing(self) -> Path:
        """Immutable batches, named by content."""
        return self.root / "landing"

    @property
    def corrections(self) -> Path:
        """Files of corrections that wait for a person to put them on record."""
        return self.root / "corrections"

    @property
    def core(self) -> Path:
        """Month slabs of facts."""
        return self.root / "core"

    @property
    def warehouse(self) -> Path:
        """The private working file of the nightly job."""
        return self.root / "warehouse.duckdb"

    @property
    def ledger(self) -> Path:
        """What cannot be rebuilt."""
        return self.root / "ledger.sqlite"

    @property
    def models(self) -> Path:
        """Trained models, one folder each, named by their content."""
        return self.root / "models"

    @property
    def editions(self) -> Path:
        """Issued editions, ``<as_of>/r<revision>/``."""
        return self.root / "editions"

    @property
    def published(self) -> Path:
        """Read-only files for analysts and the link ``current.duckdb``."""
        return self.root / "published"

    @property
    def outbox(self) -> Path:
        """Mails as files."""
        return self.root / "outbox"

    @property
    def logs(self) -> Path:
        """Logs, one file per business date."""
        return self.root / "logs"

    @property
    def status(self) -> Path:
        """The operator's page and the tables of how the system ran."""
        return self.root / "status"

    def folders(self) -> tuple[Path, ...]:
        """Every folder that a home has."""
        return (
            self.inbox,
            self.landing,
            self.core,
            self.models,
            self.editions,
            self.published,
            self.outbox,
            self.logs,
        )

    @contextmanager
    def borrowed(self, shared: Iterable[str]) -> "Iterator[Home]":
        """A temporary home that reads the parts ``shared`` of this one and has all other folders of its own, empty."""
        with tempfile.TemporaryDirectory(prefix="wengang-") as name:
            home = Home(Path(name))
            for part in shared:
                (home.root / part).symlink_to((self.root / part).resolve())
            for folder in home.folders():
                folder.mkdir(exist_ok=True)
            yield home


def load(home: Home) -> Settings:
    """Settings of ``home``; raises ``SettingsError`` naming every fault and the file."""
    if not home.settings_file.is_file():
        raise SettingsError([f"{home.root} is not a home: {home.settings_file} is missing; run 'wengang init' first"])
    try:
        body = tomllib.loads(home.settings_file.read_text(encoding="utf-8"))
        settings = Settings.model_validate(body)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{home.settings_file}: not TOML: {error}"]) from error
    except ValidationError as error:
        faults = [f"{home.settings_file}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(faults) from error
    unknown = sorted(set(settings.mail.county) - set(settings.counties)) if settings.counties else []
    if unknown:
        raise SettingsError([f"{home.settings_file}: mail.county names unknown counties: {', '.join(unknown)}"])
    names = Counter(county.name for county in settings.counties.values())
    alike = sorted(name for name, count in names.items() if count > 1 or name in settings.counties or name == UNKNOWN)
    if alike:
        raise SettingsError([f"{home.settings_file}: counties need names of their own: {', '.join(alike)}"])
    engine = settings.engine
    if engine.kind == "spark" and not (engine.master and engine.spark_home):
        raise SettingsError([f"{home.settings_file}: engine: Spark needs master and spark_home"])
    inner = {code: county.within for code, county in settings.counties.items() if county.within}
    wrong = sorted(code for code, outer in inner.items() if outer not in settings.counties or outer in inner)
    if wrong:
        fault = "within must name another county that lies within none"
        raise SettingsError([f"{home.settings_file}: counties.{code}: {fault}" for code in wrong])
    return settings


def smtp_password() -> str | None:
    """The password of the mail server, from the environment."""
    return os.environ.get(SMTP_PASSWORD)
