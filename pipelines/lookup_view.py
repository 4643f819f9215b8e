"""The parts of the page for look-ups as HTML: banner, table, meanings, warnings, and the one way out, on record."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import accounts, exporting, formats, star
from pipelines.contracts import Column
from pipelines.errors import NotFoundError, PublishError, WengangError
from pipelines.lookup import NO_EDITION, ROWS_SHOWN, Asked, Desk, Found, Lookup, heading, meaning, text

STYLE = Path(__file__).with_name("templates") / "lookup.css"
COLOURS = ("红", "橙", "黄", "蓝")
LONG = 16


def unread(desk: Desk) -> str | None:
    """The sentence for whoever asks while no edition can be read; None where one can."""
    if desk.has_edition():
        return None
    return f'<style>{_style()}</style><div class="wg"><div class="bar">{NO_EDITION}</div></div>'


def banner(edition: Mapping[str, Any]) -> str:
    """Which edition is read, as of when, and what it may be used for."""
    simulated = "<b>模拟数据</b>　" if edition["is_simulated"] else ""
    told = (
        f"期次 {escape(edition['edition_id'])}　数据所属月份 {formats.month(edition['reference_month'])}　"
        f"数据截止 {formats.instant(edition['cutoff'])}"
    )
    internal = escape(star.load().cautions["internal"].chinese)
    return (
        f'<style>{_style()}</style><div class="wg"><h1>稳岗数据查询</h1><div class="muted">{simulated}{told}</div>'
        f'<div class="bar">{internal}</div></div>'
    )


def _style() -> str:
    return STYLE.read_text(encoding="utf-8")


def cautions(lookup: Lookup) -> str:
    """What the table is and what to know before counting."""
    facts = star.load().tables[lookup.table]
    lines = [caution.chinese for key, caution in star.load().cautions_of(lookup.table) if key != "internal"]
    notes = [facts.note] if facts.note else []
    items = "".join(f"<li>{escape(line)}</li>" for line in (*notes, *lines))
    return f'<div class="wg"><b>一行是什么：</b>{escape(facts.grain)}<br><b>使用提示</b><ul>{items}</ul></div>'


def table(found: Found, page: int) -> str:
    """The rows of a page, with their number, the edition, and what a dash means."""
    last = max(1, -(-found.total // ROWS_SHOWN))
    line = f"共 {found.total:,} 行，第 {page} 页，共 {last} 页；“—”表示未知，不是零。期次 {escape(found.edition_id)}"
    heads = "".join(f'<th title="{escape(meaning(c))}">{escape(heading(c))}</th>' for c in found.columns)
    rows = []
    for values in found.rows.iter_rows():
        cells = "".join(_cell(value, text(value, c)) for value, c in zip(values, found.columns, strict=True))
        rows.append(f"<tr>{cells}</tr>")
    body = "".join(rows) or f'<tr><td colspan="{len(found.columns)}">没有符合条件的行。</td></tr>'
    return (
        f'<div class="wg"><div class="muted">{line}</div><div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></div>"
    )


def _cell(value: Any, shown: str) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_sentence = isinstance(value, str) and len(shown) > LONG
    kind = "n" if is_number else "t" if is_sentence else value if value in COLOURS else ""
    kind = f' class="{kind}"' if kind else ""
    return f"<td{kind}>{escape(shown)}</td>"


def meanings(found: Found) -> str:
    """What each column that is shown means."""
    rows = "".join(f"<tr><td>{escape(heading(c))}</td><td>{escape(meaning(c))}</td></tr>" for c in found.columns)
    return (
        f'<div class="wg"><div class="scroll"><table><thead><tr><th>字段</th><th>含义</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def handed_out(desk: Desk, lookup: Lookup, asked: Asked, *, purpose: str) -> tuple[bytes | None, str]:
    """All rows of what is asked as CSV, on record first, and a line that says so; no rows where they may not leave."""
    means = desk.means()
    told = exporting.Telling(purpose=purpose, recipient="本局", by=accounts.caller())
    if not purpose.strip():
        return None, "请先写明用途，用途将登记备查。"
    try:
        found = desk.find(lookup, asked, rows=None)
    except (NotFoundError, PublishError):
        return None, "目前没有可读的期次（可能刚被撤回），没有生成文件，请告知系统管理员。"
    frame = found.rows.select(_leaving(column).alias(heading(column)) for column in found.columns)
    try:
        content = exporting.csv_of(
            means, frame, told, what=f"查询页面（{lookup.title}，csv）", edition_id=found.edition_id
        )
    except WengangError as error:
        return None, escape(str(error))
    return content, f"已登记：{lookup.title}，{found.total:,} 行，用途“{escape(purpose.strip())}”。只供本局内部使用。"


def _leaving(column: Column) -> pl.Expr:
    """The values as their heading says they are: money in yuan or dollars, yes and no in words; unknown stays empty."""
    value = pl.col(column.name)
    if column.type in {"fen", "usd_cent"}:
        return value / 100
    if column.type == "boolean":
        return pl.when(value).then(pl.lit("是")).when(~value).then(pl.lit("否"))
    return value
