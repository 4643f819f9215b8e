"""What the night leaves: workbooks, a briefing, a mail per county, feedback to departments, and files for analysts."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pandas as pd

COLOURS = ("红", "橙", "黄", "蓝")
LIST = {
    "warning_no": "预警编号",
    "colour": "等级",
    "change_kind": "变化",
    "county_name": "县区",
    "street_name": "街镇",
    "enterprise_name": "企业名称",
    "enterprise_id": "统一社会信用代码",
    "industry_name": "行业",
    "size_class": "规模",
    "is_us_exporter": "涉美出口",
    "insured_persons": "参保人数",
    "insured_change_1m_persons": "较上月",
    "insured_change_1m_ratio": "较上月幅度",
    "insured_change_3m_ratio": "较三个月前幅度",
    "net_loss_persons": "净减少人数",
    "points": "风险分",
    "trigger_text": "触发条件",
    "reasons_text": "主要原因",
    "mitigation_text": "缓释因素",
    "action_text": "建议措施",
    "responsible_text": "责任单位",
    "deadline_text": "时限",
    "completeness_text": "数据完整度",
    "listed_since": "列入日期",
}
REASONS = {
    "warning_no": "预警编号",
    "enterprise_name": "企业名称",
    "code": "原因代码",
    "name": "原因",
    "dimension": "维度",
    "points": "分值",
    "sentence": "说明",
}
CHANGES = {
    "warning_no": "预警编号",
    "enterprise_name": "企业名称",
    "county_name": "县区",
    "change_kind": "变化",
    "previous_colour": "原等级",
    "colour": "等级",
    "change_text": "原因",
}
FILTERED = {
    "enterprise_name": "企业名称",
    "county_name": "县区",
    "trigger_colour": "等级",
    "insured_persons": "参保人数",
    "points": "风险分",
    "filter_text": "未列入原因",
}
FEEDBACK = {
    "feed": "数据源",
    "file": "文件",
    "line_no": "行",
    "column": "列",
    "value": "原值",
    "reason": "原因",
}


@dataclass(frozen=True)
class Edition:
    """All that is written."""

    day: pd.Timestamp
    listed: pd.DataFrame
    reasons: pd.DataFrame
    changes: pd.DataFrame
    filtered: pd.DataFrame
    cells: pd.DataFrame
    sources: pd.DataFrame
    quality: pd.DataFrame
    checks: pd.DataFrame
    quarantine: pd.DataFrame
    parameters: pd.DataFrame


def write(edition: Edition, out: Path, counties: Mapping[str, str]) -> None:
    """Everything that a person reads, under ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    workbook(out / "预警名单.xlsx", sheets(edition))
    for code, own in edition.listed.groupby("county_code"):
        reasons = edition.reasons[edition.reasons["warning_no"].isin(own["warning_no"])]
        parts = {"预警名单": shown(own, LIST), "原因": shown(reasons, REASONS)}
        workbook(out / f"{code}_{counties.get(str(code), code)}.xlsx", parts)
    for owner, rows in edition.quarantine.groupby("owner"):
        path = out / f"反馈_{str(owner).replace('、', '_')}.xlsx"
        workbook(path, {"退回数据": shown(rows, FEEDBACK)})
    (out / "briefing.html").write_text(briefing(edition, counties), encoding="utf-8")
    for place, mail in mails(edition, counties).items():
        (out / f"{place}.eml").write_bytes(mail.as_bytes())


def shown(rows: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The columns that a person reads, under their Chinese names."""
    return rows[list(columns)].rename(columns=columns)


def sheets(edition: Edition) -> dict[str, pd.DataFrame]:
    """The sheets of the city's workbook."""
    return {
        "预警名单": shown(edition.listed, LIST),
        "原因": shown(edition.reasons, REASONS),
        "变化": shown(edition.changes, CHANGES),
        "未列入": shown(edition.filtered, FILTERED),
        "县区行业": edition.cells,
        "数据来源": edition.sources,
        "质量检查": edition.quality,
        "字段检查": edition.checks[edition.checks["bad"] > 0],
        "参数": edition.parameters,
    }


def workbook(path: Path, parts: Mapping[str, pd.DataFrame]) -> None:
    """One sheet per frame, with a header that stays and widths that fit."""
    with pd.ExcelWriter(path, engine="xlsxwriter", datetime_format="yyyy-mm-dd") as book:
        for name, frame in parts.items():
            frame.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 0))
            book.sheets[name].autofit()


def by_county(edition: Edition) -> pd.DataFrame:
    """Cases by county and colour, the city below."""
    table = pd.crosstab(edition.listed["county_name"], edition.listed["colour"]).reindex(columns=COLOURS, fill_value=0)
    table["合计"] = table.sum(axis=1)
    fresh = edition.listed["change_kind"].isin(["新增", "升级", "首期"])
    table["其中新增、升级"] = edition.listed[fresh].groupby("county_name").size()
    table["涉及参保人数"] = edition.listed.groupby("county_name")["insured_persons"].sum()
    table = table.fillna(0).astype(int)
    table.loc["全市"] = table.sum()
    return table


def briefing(edition: Edition, counties: Mapping[str, str]) -> str:
    """A plain page: the counts, new cases, county by industry, thirteen months, reasons, sources."""
    last = edition.cells["month"].max()
    cells = edition.cells.assign(county=edition.cells["county_code"].map(counties).fillna("未知县区"))
    now = cells[cells["month"] == last]
    heat = now.pivot_table(index="county", columns="industry_name", values="net_change_persons", aggfunc="sum")
    largest = now.groupby("industry_name")["insured_persons"].sum().nlargest(15).index
    trend = cells.pivot_table(index="month", columns="county", values="insured_persons", aggfunc="sum", margins=True)
    fresh = edition.listed[edition.listed["change_kind"].isin(["新增", "升级", "首期"])]
    common = edition.reasons[~edition.reasons["is_mitigating"]].groupby("name")["warning_no"].nunique().nlargest(10)
    parts = [
        f"<h1>就业风险预警简报</h1><p>{edition.day:%Y-%m-%d}　参保数据所属月份：{last:%Y年%m月}　【模拟数据】</p>",
        "<h2>一、各县区等级汇总</h2>" + by_county(edition).to_html(),
        "<h2>二、走势</h2>" + trend.to_html(float_format="{:.0f}".format, na_rep="—"),
        "<h2>三、新增和升级企业</h2>" + shown(fresh, LIST).head(50).to_html(index=False),
        "<h2>四、涉美出口企业</h2>"
        + shown(edition.listed[edition.listed["is_us_exporter"]], LIST).to_html(index=False),
        "<h2>五、县区×行业参保净增减</h2>" + heat[largest].to_html(float_format="{:+.0f}".format, na_rep="—"),
        "<h2>六、主要原因</h2>" + common.rename("家数").to_frame().to_html(),
        "<h2>七、数据来源</h2>" + edition.sources.to_html(index=False, na_rep=""),
        "<h2>八、质量检查</h2>" + edition.quality.to_html(index=False),
    ]
    return f'<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8"><body>{"".join(parts)}</body></html>'


def mails(edition: Edition, counties: Mapping[str, str]) -> dict[str, EmailMessage]:
    """A mail to the bureau, and one to each county with something new or raised; no name of an enterprise in it."""
    found = {"全市": mail(edition, edition.listed, "全市")}
    for code, rows in edition.listed.groupby("county_code"):
        if rows["change_kind"].isin(["新增", "升级", "首期"]).any():
            place = counties.get(str(code), str(code))
            found[place] = mail(edition, rows, place)
    return found


def mail(edition: Edition, rows: pd.DataFrame, place: str) -> EmailMessage:
    """Counts by colour, new cases by number and industry, what to do by when."""
    counts = rows["colour"].value_counts().reindex(COLOURS, fill_value=0)
    line = " ".join(f"{colour}{number}" for colour, number in counts.items())
    fresh = rows[rows["change_kind"].isin(["新增", "升级", "首期"])]
    cases = fresh["warning_no"] + "　" + fresh["colour"] + "　" + fresh["county_name"] + "　" + fresh["industry_name"]
    tasks = rows.groupby(["colour", "action_text", "deadline_text"]).size().reset_index(name="number")
    said = [f"{t.colour}（{t.number}家）：{t.action_text}。{t.deadline_text}" for t in tasks.itertuples()]
    message = EmailMessage()
    message["Subject"] = f"【模拟数据】【就业风险预警】{edition.day:%Y-%m-%d}：{place}{line}"
    message["From"], message["To"] = "wengang@localhost", "duty@localhost"
    total = f"一、预警企业{len(rows)}家（{line}），涉及参保{rows['insured_persons'].sum():.0f}人。"
    parts = [total, "二、新增和升级", *cases.head(20), "三、办理事项和时限", *said]
    message.set_content("\n".join(parts))
    return message


def publish(months: pd.DataFrame, table: pd.DataFrame, edition: Edition, out: Path) -> None:
    """For analysts: months, enterprises with all features, cases, reasons and counts; and each county's own part."""
    rows = months[months["present"]].drop(columns=["present", "blind", "seen", "complete", "level"])
    rows = rows.assign(county_code=rows["enterprise_no"].map(table["county_code"]))
    frames = {
        "enterprise_month": rows,
        "enterprise": table.reset_index(),
        "warning": edition.listed,
        "warning_reason": edition.reasons.merge(edition.listed[["warning_no", "county_code"]], on="warning_no"),
        "county_industry_month": edition.cells,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_parquet(out / f"{name}.parquet")
        for county, part in frame.groupby("county_code"):
            part.to_parquet(out / f"{name}-{county}.parquet")
