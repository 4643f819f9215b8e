"""A check is a sentence plus a test, in one object, so the words in a mail cannot drift from what was tested.

Each kind renders an SQL predicate (rows at landing), a Great Expectations configuration (the gate of record) and a
Chinese sentence. A kind that Great Expectations has no native expectation for is evaluated once into a flag column,
which the suite then expects to be true. This module imports neither DuckDB nor Great Expectations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["fail", "warn"]

USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORGANISATION_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

KINDS: Mapping[str, int | None] = {
    "not_null": None,
    "between": 1,
    "bounded": 1,
    "period": 1,
    "codes": 1,
    "matches": 1,
    "uscc": 1,
    "organisation_code": 1,
    "ordered": 2,
    "ratio_between": 2,
    "readable": 1,
    "restored": 1,
    "first_of_key": None,
}
FLAGGED = frozenset({"uscc", "organisation_code", "ratio_between", "readable", "restored", "first_of_key", "period"})
EARLIEST_YEAR = 2000


@dataclass(frozen=True)
class Check:
    """One rule about rows, as declared in a contract.

    ``columns`` are the columns it reads, in order. ``options`` hold the bounds, the pattern or the permitted codes.
    A null passes every kind but ``not_null``: absence is its own fact and is judged once. ``period`` reads the day on
    which the batch first came as the column ``_received_on``.
    """

    kind: str
    columns: tuple[str, ...]
    severity: Severity
    sentence: str
    options: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Stable identifier inside a contract, such as ``between:insured_persons``."""
        return f"{self.kind}:{'+'.join(self.columns)}"

    @property
    def flag(self) -> str:
        """Name of the flag column that a suite expects to be true (only for kinds in ``FLAGGED``)."""
        return f"_ok_{self.kind}__{'__'.join(self.columns)}"

    def predicate(self) -> str:
        """SQL over typed columns that is true for a good row and never null."""
        return f"coalesce({self._condition()}, true)" if self.kind != "not_null" else self._condition()

    def _condition(self) -> str:
        first = f'"{self.columns[0]}"'
        match self.kind:
            case "not_null":
                return f"{first} IS NOT NULL"
            case "between" | "bounded" | "period" | "ratio_between":
                return f"{first} BETWEEN {' AND '.join(self._range())}"
            case "codes":
                listed = ", ".join(_literal(code) for code in self.options["codes"])
                return f"{first} IN ({listed})"
            case "matches":
                return f"regexp_full_match({first}, {_literal(self.options['pattern'])})"
            case "uscc":
                return uscc_predicate(first)
            case "organisation_code":
                return organisation_predicate(f"substr({first}, 9, 9)")
            case "ordered":
                return f'{first} <= "{self.columns[1]}"'
            case "readable":
                return f"NOT list_contains(_unreadable, {_literal(self.columns[0])})"
            case "restored":
                return f"NOT list_contains(_restored, {_literal(self.columns[0])})"
            case "first_of_key":
                return "_first_of_key"
        raise AssertionError(self.kind)

    def _range(self) -> tuple[str, str]:
        """SQL of the least and the greatest value allowed; null where there is nothing to measure by."""
        options = self.options
        match self.kind:
            case "ratio_between":
                persons = f'nullif("{self.columns[1]}", 0)::HUGEINT'
                return f"{options['min']} * {persons}", f"{options['max']} * {persons}"
            case "period":
                latest = f"_received_on + INTERVAL {options.get('ahead_months', 0)} MONTH"
                if options.get("is_year"):
                    return str(EARLIEST_YEAR), f"year({latest})"
                return f"DATE '{EARLIEST_YEAR}-01-01'", latest
        return str(options["min"]), str(options["max"])

    def expectation(self) -> dict[str, Any]:
        """Great Expectations configuration: ``{"type": …, "kwargs": {…}}``."""
        first = self.columns[0]
        match self.kind:
            case "not_null":
                return _config("expect_column_values_to_not_be_null", column=first)
            case "between" | "bounded":
                bounds = {"min_value": self.options["min"], "max_value": self.options["max"]}
                return _config("expect_column_values_to_be_between", column=first, **bounds)
            case "codes":
                return _config("expect_column_values_to_be_in_set", column=first, value_set=list(self.options["codes"]))
            case "matches":
                return _config(
                    "expect_column_values_to_match_regex", column=first, regex=rf"^(?:{self.options['pattern']})\Z"
                )
            case "ordered":
                return _config(
                    "expect_column_pair_values_a_to_be_greater_than_b",
                    column_A=self.columns[1],
                    column_B=first,
                    or_equal=True,
                    ignore_row_if="either_value_is_missing",
                )
        return _config("expect_column_values_to_be_in_set", column=self.flag, value_set=[True])


def _config(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def _literal(value: str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _weighted(code: str, symbols: str, weights: tuple[int, ...]) -> str:
    terms = (
        f"{weight} * (strpos('{symbols}', substr({code}, {place}, 1)) - 1)"
        for place, weight in enumerate(weights, start=1)
    )
    return " + ".join(terms)


def uscc_predicate(code: str) -> str:
    """SQL: ``code`` is a unified social credit code whose 18th symbol checks (GB 32100-2015, 4.5)."""
    total = _weighted(code, USCC_SYMBOLS, USCC_WEIGHTS)
    check = f"substr('{USCC_SYMBOLS}', (31 - ({total}) % 31) % 31 + 1, 1)"
    return f"(regexp_full_match({code}, '[{USCC_SYMBOLS}]{{18}}') AND substr({code}, 18, 1) = {check})"


def organisation_predicate(code: str) -> str:
    """SQL: the nine symbols of ``code`` are an organisation code whose last symbol checks (GB 11714-1997)."""
    total = _weighted(code, ORGANISATION_SYMBOLS, ORGANISATION_WEIGHTS)
    check = f"CASE 11 - ({total}) % 11 WHEN 10 THEN 'X' WHEN 11 THEN '0' ELSE (11 - ({total}) % 11)::VARCHAR END"
    return f"(regexp_full_match({code}, '[0-9A-Z]{{9}}') AND substr({code}, 9, 1) = {check})"


def _ahead(options: Mapping[str, Any]) -> str:
    return f"后{options['ahead_months']}个月" if options.get("ahead_months") else "之时"


def default_sentence(kind: str, labels: tuple[str, ...], options: Mapping[str, Any]) -> str:
    """The Chinese sentence of a check whose contract gives none."""
    first = labels[0]
    match kind:
        case "not_null":
            return f"{first}不得为空"
        case "between":
            return f"{first}应在{options['min']}到{options['max']}之间"
        case "period":
            return f"{first}不得早于{EARLIEST_YEAR}年，也不得晚于文件收到{_ahead(options)}"
        case "codes":
            return f"{first}应为：{'、'.join(options['codes'])}"
        case "matches":
            return f"{first}格式不符"
        case "uscc":
            return f"{first}应为18位且校验码正确"
        case "organisation_code":
            return f"{first}第9至17位组织机构代码的校验码应正确"
        case "ordered":
            return f"{first}不得大于{labels[1]}"
        case "ratio_between":
            return f"{first}与{labels[1]}之比超出合理范围"
    return {
        "readable": f"{first}无法识别",
        "restored": f"{first}缺少前导零，已按{options.get('width')}位补足，请核对（导出时请将该列设为文本）",
        "first_of_key": f"同一文件中{'、'.join(labels)}重复，只取首行",
    }[kind]
