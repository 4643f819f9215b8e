"""What a mail may say about an edition: counts, case numbers, counties and industries; never a name or a code of one.

The tables are read with the columns that a mail may carry and no other, so nothing else can slip into a template.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pipelines import formats
from pipelines.run import Run
from pipelines.warehouse import Warehouse

CASES_SHOWN = 20
REASONS_SHOWN = 3
BROKEN_SHOWN = 5

LISTED = """
    SELECT enterprise_no, warning_no, colour, previous_colour, change_kind, county_code, county_name, industry_name,
        is_us_exporter, insured_persons, net_loss_persons, action_text, deadline_text
    FROM edition.warning ORDER BY warning_no
"""
SPOKEN = "SELECT enterprise_no, reason_name FROM edition.warning_reason WHERE NOT is_mitigating"
ENDED = "SELECT county_name, change_kind FROM edition.warning_change WHERE change_kind IN ('降级', '解除')"
BROKEN = "SELECT mail_text FROM gate.result WHERE NOT passed ORDER BY severity, subject, check_id"
LATE = (
    "SELECT r.county_code, r.county_name, r.late_case_count, r.late_order_count, max(o.due_on) "
    "FROM edition.county_response AS r JOIN edition.work_order AS o USING (county_code) "
    "WHERE r.late_order_count > 0 AND o.order_state = '逾期' "
    "GROUP BY ALL ORDER BY r.late_order_count DESC, r.county_code"
)
UNUSABLE = "SELECT model_warning FROM risk.model WHERE model_warning IS NOT NULL"
BEHIND = "SELECT feed_label, source_state FROM core.source_status WHERE source_state <> '正常' ORDER BY feed"


@dataclass(frozen=True)
class Digest:
    """One edition, or one county's part of it, as a mail may tell it."""

    title: str
    as_of: date
    cutoff: datetime
    reference_month: date | None
    is_simulated: bool
    previous: str | None
    is_comparable: bool
    verdict: str
    verdict_reason: str
    listed: tuple[dict[str, Any], ...]
    spoken: tuple[tuple[int, str], ...]
    falls: int
    exits: int
    broken: tuple[str, ...]
    behind: tuple[str, ...]
    place: str
    late: tuple[tuple[str, str, int, int, date], ...] = ()

    @property
    def is_newly_late(self) -> bool:
        """Whether the last day of some order was yesterday, so that it is late since today."""
        return any(last == self.as_of - timedelta(days=1) for *_, last in self.late)

    @property
    def late_line(self) -> str:
        """``逾期未办：海州区 2家3件、赣榆区 1家1件``, or nothing."""
        told = "、".join(f"{name} {cases}家{orders}件" for _, name, cases, orders, _ in self.late)
        return f"逾期未办：{told}。请责任单位当日办理并发回走访表，仍不能办理的按名单“工单”所列上报。" if told else ""

    @property
    def totals(self) -> dict[str, int]:
        """Enterprises by colour."""
        return _totals(self.listed)

    @property
    def fresh(self) -> list[dict[str, Any]]:
        """Cases that entered or rose, the most severe first."""
        rows = [row for row in self.listed if row["change_kind"] in ("新增", "升级", "首期")]
        return sorted(
            rows, key=lambda r: (formats.COLOURS.index(r["colour"]), -(r["net_loss_persons"] or 0), r["warning_no"])
        )

    @property
    def moved(self) -> str:
        """``新增9 升级3``, or why there is no such count."""
        if self.previous is None:
            return "首期"
        kinds = Counter(row["change_kind"] for row in self.listed)
        counts = " ".join(f"{kind}{kinds[kind]}" for kind in ("新增", "升级"))
        return counts if self.is_comparable else f"{counts}，与上期间隔过长"

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing entered, rose, fell or left since the previous edition."""
        return self.previous is not None and not (self.fresh or self.falls or self.exits)

    @property
    def colour_line(self) -> str:
        """``红1 橙4 黄12 蓝33``."""
        return colour_line(self.totals)

    @property
    def insured(self) -> int:
        """Insured persons of the listed enterprises."""
        return sum(row["insured_persons"] or 0 for row in self.listed)

    @property
    def exporters(self) -> str:
        """Listed exporters to the US, or that no source says who they are."""
        if self.listed and all(row["is_us_exporter"] is None for row in self.listed):
            return "不详（名录和海关数据均未到）"
        return f"{sum(bool(row['is_us_exporter']) for row in self.listed)} 家"

    @property
    def counties(self) -> list[tuple[str, int, str]]:
        """County, its number of cases, and its colours, the most severe first."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.listed:
            found.setdefault(row["county_name"] or "未知县区", []).append(row)
        rows = [(name, own, _totals(own)) for name, own in sorted(found.items())]
        rows.sort(key=lambda item: [-item[2][colour] for colour in formats.COLOURS])
        return [(name, len(own), colour_line(totals)) for name, own, totals in rows]

    @property
    def cases(self) -> list[str]:
        """New and raised cases by number, county and industry."""
        return [_case(row) for row in self.fresh[:CASES_SHOWN]]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons most cases share."""
        listed = {row["enterprise_no"] for row in self.listed}
        found = Counter(name for number, name in set(self.spoken) if number in listed)
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:REASONS_SHOWN]

    @property
    def tasks(self) -> list[tuple[str, int, str, str]]:
        """Colour, cases, what to do, by when."""
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.listed:
            found[row["colour"], row["action_text"] or "未设定", row["deadline_text"] or "未设定"] += 1
        ordered = sorted(found.items(), key=lambda item: (formats.COLOURS.index(item[0][0]), item[0]))
        return [(colour, number, action, deadline) for (colour, action, deadline), number in ordered]

    @property
    def fingerprint(self) -> str:
        """Hash of the cases and of what happened to them: two revisions with the same tell nobody anything new."""
        cases = [f"{row['warning_no']}|{row['colour']}|{row['change_kind']}" for row in self.listed]
        return hashlib.sha256("\n".join([*cases, self.late_line]).encode()).hexdigest()[:16]

    def of(self, county_codes: Sequence[str], place: str) -> "Digest":
        """The part of some counties; falls and exits are told in the city's mail."""
        own = tuple(row for row in self.listed if row["county_code"] in county_codes)
        late = tuple(row for row in self.late if row[0] in county_codes)
        return replace(self, listed=own, place=place, falls=0, exits=0, late=late)


def read(run: Run, warehouse: Warehouse) -> Digest:
    """The edition under work as mails may tell it."""
    edition = warehouse.frame("SELECT * FROM edition.edition").to_dicts()[0]
    verdict, reason = warehouse.rows("SELECT gate_verdict, mail_text FROM gate.verdict")[0]
    ended = Counter(kind for _, kind in warehouse.rows(ENDED))
    return Digest(
        title=formats.edition(edition["as_of"], edition["revision"]),
        as_of=edition["as_of"],
        cutoff=edition["cutoff"],
        reference_month=edition["reference_month"],
        is_simulated=bool(edition["is_simulated"]),
        previous=edition["previous_edition_id"],
        is_comparable=bool(edition["is_comparable"]),
        verdict=verdict,
        verdict_reason=reason or "",
        listed=tuple(warehouse.frame(LISTED).to_dicts()),
        spoken=tuple((int(number), str(name)) for number, name in warehouse.rows(SPOKEN)),
        falls=ended["降级"],
        exits=ended["解除"],
        broken=(
            *(warning for (warning,) in warehouse.rows(UNUSABLE)),
            *(text for (text,) in warehouse.rows(BROKEN)),
        ),
        behind=tuple(f"{label}（{state}）" for label, state in warehouse.rows(BEHIND)),
        place=run.settings.city.name,
        late=tuple((str(c), str(n), int(k), int(o), last) for c, n, k, o, last in warehouse.rows(LATE)),
    )


def colour_line(totals: dict[str, int]) -> str:
    """``红1 橙4 黄12 蓝33``."""
    return " ".join(f"{colour}{number}" for colour, number in totals.items())


def _totals(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    counted = Counter(row["colour"] for row in rows)
    return {colour: counted[colour] for colour in formats.COLOURS}


def _case(row: dict[str, Any]) -> str:
    raised = f"（原{row['previous_colour']}）" if row["change_kind"] == "升级" and row["previous_colour"] else ""
    exporter = "　涉美" if row["is_us_exporter"] else ""
    place, industry = row["county_name"] or "未知县区", row["industry_name"] or "未知行业"
    return f"{row['colour']}　{row['warning_no']}　{place}　{industry}　{row['change_kind']}{raised}{exporter}"
