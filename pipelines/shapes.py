"""What a contract file may say: the shapes of columns, tables and feeds, each refused if it says anything else."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.checks import Severity

Kind = Literal["text", "integer", "fen", "usd_cent", "basis_point", "number", "boolean", "date", "month", "instant"]

Use = Literal["warning", "training", "publication", "county_files"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Column(_Strict):
    """A quantity with one name everywhere: type, unit, Chinese label, meaning, sensitivity and permitted codes.

    A feature with ``risk_sign`` is an input of the models: +1 where more of it can only raise the risk, −1 where it can
    only lower it, 0 where it may do either.
    """

    name: str
    type: Kind
    label: str
    meaning: str
    sensitivity: Literal["public", "internal"]
    unit: str | None = None
    codes: tuple[str, ...] = ()
    theme: str | None = None
    needs: tuple[str, ...] = ()
    risk_sign: Literal[-1, 0, 1] | None = None

    @property
    def comment(self) -> str:
        """The Chinese comment that published tables carry."""
        return f"{self.label}（{self.unit}）" if self.unit else self.label


class Slab(_Strict):
    """How a fact lies in month slabs: the raw table it comes from, and the identifiers by which its rows are linked.

    ``links`` maps a raw column to a kind of link; a row is linked by ``all`` of them or by ``any``. ``span`` names the
    parameter that says for how many months a row counts, where it counts for more than its own.
    """

    raw: str
    links: Mapping[str, Literal["enterprise", "unit", "customs", "name"]]
    linked_by: Literal["all", "any"] = "all"
    span: str | None = None


class Table(_Strict):
    """A table: what a row is, its key, its columns in order, and what it reads.

    ``period`` dates the rows of a raw table that has no month. ``latest_of`` names the raw table of whose rows this one
    keeps the latest version of each key, ``computed`` gives columns that are not simply its own, as SQL over a row
    ``v``. With ``sums`` the rows that fall on one key of this table are added up. ``naming`` says which columns of a
    raw table name its enterprise where ``enterprise_id`` is missing; its ``name_key`` joins the texts.
    """

    table: str
    label: str
    grain: str
    key: tuple[str, ...] = ()
    month: str | None = None
    period: str | None = None
    columns: tuple[str, ...]
    reads: tuple[str, ...] = ()
    latest_of: str | None = None
    computed: Mapping[str, str] = Field(default_factory=dict)
    naming: Mapping[Literal["name", "county", "address", "since"], str] = Field(default_factory=dict)
    sums: bool = False
    slab: Slab | None = None
    needs_not_null: tuple[str, ...] = ()
    retention: str = "rebuilt"
    note: str = ""

    @property
    def schema_name(self) -> str:
        """The schema part of the name."""
        return self.table.split(".")[0]

    @property
    def name(self) -> str:
        """The name without its schema."""
        return self.table.split(".")[1]


class FeedColumn(_Strict):
    """How one column of a feed is found and read.

    Its words are those of ``header``; or its value stands, the same for every row, in the ``sheet``'s name or the
    ``title`` above the header (``found_in``), where the first group of ``pattern`` gives it. ``repeated`` allows two
    columns of its name, which must then agree row by row. ``width`` is how many digits a code has, so that leading
    zeros that a spreadsheet took off can be put back; ``carried`` says that a blank cell means the one above it;
    ``parentheses`` that (1.5) is −1.5, ``absent`` which words stand for "not given"; ``parser`` names a pure reader of
    a format, for what is no common one.
    """

    header: tuple[str, ...] = ()
    found_in: Literal["column", "sheet", "title"] = "column"
    pattern: str | None = None
    repeated: bool = False
    width: Annotated[int, Field(ge=2, le=32)] | None = None
    carried: bool = False
    parentheses: bool = False
    absent: tuple[str, ...] = ()
    parser: str | None = None
    unit: str | None = None
    optional: bool = False
    values: Mapping[str, str] = Field(default_factory=dict)
    type: Kind | None = None
    label: str | None = None


class Periods(_Strict):
    """Periods that stand side by side: which header cells are periods, and what lies under them.

    ``patterns`` are words with ``{year}`` (4 digits), ``{yy}``, ``{month}`` (1 or 2 digits), ``{month2}`` (2 digits),
    ``{quarter}``, ``{month_of_quarter}``; what a cell says beside them are the header words of one of ``values``, or
    nothing where that is one column. A pattern without a year takes it from ``year_in``. ``column`` is the column that
    the periods fill: a month, or an integer for years. Each period of a line becomes a row.
    """

    column: str
    values: Annotated[tuple[str, ...], Field(min_length=1)]
    patterns: Annotated[tuple[str, ...], Field(min_length=1)]
    year_in: tuple[Literal["title", "sheet"], ...] = ()


class Layout(_Strict):
    """How the tables of a feed lie in its files, where that is not one plain table.

    A header may be split over up to ``header_rows`` rows. ``sheets`` says whether one sheet or every fitting one is
    read, ``quotes`` whether a quotation mark is one more character, ``short_lines`` what the cells mean that a line
    lacks at its end. The first group of ``parts``, found in a file's name, tells the parts of one period apart. Of a
    form that was sent out filled in part, a line without any of ``answers`` was not answered, and is set aside.
    """

    header_rows: Annotated[int, Field(ge=1, le=6)] = 2
    sheets: Literal["one", "all"] = "one"
    quotes: Literal["standard", "literal"] = "standard"
    short_lines: Literal["quarantine", "empty"] = "quarantine"
    parts: str | None = None
    answers: tuple[str, ...] = ()
    periods: Periods | None = None

    def part(self, file_name: str) -> str:
        """Which part of its period a file says it is; empty where it is the whole."""
        match = re.search(self.parts, file_name) if self.parts else None
        return (match[1] if match.re.groups else match[0]) or "" if match else ""


class RawCheck(BaseModel):
    """A check as a feed writes it, its options beside its columns."""

    model_config = ConfigDict(extra="allow", frozen=True)
    check: str
    severity: Severity
    column: str | None = None
    columns: tuple[str, ...] = ()
    sentence: str | None = None


class Feed(_Strict):
    """A delivery as its department sends it: header aliases, units, rules, cadence, and the raw tables it fills.

    A ``personal`` feed may hold persons as it comes: only its declared columns land, of its original only the hash. A
    file ``covers`` rows, each the latest word of its key, or whole periods: then a key that the latest file of a month
    does not name has no row in it.
    ``uses`` are those that the sharing was approved for and ``purpose_until`` its last day; None is not known, which is
    told and never taken for a yes or a no. ``retention`` says how long batches stay: records of ``person``s and of
    ``unit``s as the parameters say, ``standing`` ones as long as they hold; else person where the feed is personal.
    """

    feed: str
    label: str
    owner: str
    purpose: str
    catalogue: str
    uses: tuple[Use, ...] | None = None
    purpose_until: date | None = None
    retention: Literal["person", "unit", "standing"] | None = None
    cadence: Literal["monthly", "yearly", "event"]
    lag_days: Annotated[int, Field(ge=0)]
    dated: Literal["arrival", "lag"]
    required: bool
    identifiers: Literal["uscc", "opaque", "none"]
    personal: bool = False
    covers: Literal["rows", "period"] = "rows"
    provides: Mapping[str, Literal["same"] | Mapping[str, str]]
    columns: Mapping[str, FeedColumn]
    period: str | None = None
    key: tuple[str, ...] = ()
    layout: Layout = Layout()
    raw_checks: tuple[RawCheck, ...] = Field(default=(), alias="checks")

    @property
    def kept_as(self) -> Literal["person", "unit", "standing"]:
        """The class of its retention, the shorter one where nothing is said of a personal feed."""
        return self.retention or ("person" if self.personal else "unit")
