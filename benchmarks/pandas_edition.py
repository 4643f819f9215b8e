"""What an edition says: why each enterprise is listed, what changed since the list before, counts by county.

The wording of a sentence is the night's own (``models.reason_sentences``, ``edition.words``); only listed rows get any.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.pandas_reading import Delivered
from benchmarks.pandas_scoring import ABSENCES
from models import reason_sentences
from pipelines.contracts import Contracts
from pipelines.parameters import Parameters
from pipelines.stages.edition import words

SHOWN = ["warning_no", "colour", "change_kind", "enterprise_id", "enterprise_name"]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries with whole numbers as integers and None for what is missing."""
    counts = [name for name in table.select_dtypes("number") if not name.endswith("_ratio")]
    whole = table.astype(dict.fromkeys(counts, "Int64")).astype(object)
    return list(whole.where(whole.notna(), None).to_dict("records"))


def told(listed: pd.DataFrame, fired: pd.DataFrame, parameters: Parameters) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The list with its texts, and one sentence per reason of a listed enterprise."""
    rows = {row["enterprise_id"]: row for row in records(listed)}
    own = fired.merge(listed[["enterprise_no", *SHOWN]], on="enterprise_no").sort_values(["warning_no"], kind="stable")
    own["sentence"] = [
        reason_sentences.sentence(code, rows[key]) for code, key in zip(own["code"], own["enterprise_id"], strict=True)
    ]
    against, relief = own[~own["is_mitigating"]], own[own["is_mitigating"]]
    most = parameters["reasons_shown"]
    said = pd.Series([standing(row, parameters) for row in rows.values()], index=listed.index)
    heaviest = against.drop_duplicates(["enterprise_id", "dimension"]).groupby("enterprise_id").head(most)
    shown = heaviest.groupby("enterprise_id")["sentence"].agg("；".join)
    key = listed["enterprise_id"]
    dates = zip(listed["colour"], listed["raised_on"], strict=True)
    counties = zip(listed["colour"], listed["county_name"], strict=True)
    texts = listed.assign(
        trigger_text=said,
        reasons_text=key.map(shown).fillna(said),
        mitigation_text=key.map(relief.groupby("enterprise_id")["sentence"].agg("；".join)).fillna("未发现缓释因素"),
        action_text=listed["colour"].map(parameters["response_actions"]),
        responsible_text=[parameters["response_responsible"][c].format(county=name) for c, name in counties],
        deadline_text=[words.deadline_text(colour, parameters, day.date()) for colour, day in dates],
    )
    return texts, own


def standing(row: Mapping[str, Any], parameters: Parameters) -> str:
    """Why the row stands on the list: tonight's trigger in words, or the one that last held."""
    if row["trigger_colour"]:
        return words.trigger_text(row, parameters.in_force())
    before, month = str(row["trigger_text"]), row["last_trigger_month"]
    return before if "触发：" in before else f"{words.month_text(month)}触发：{before}"


def changes(listed: pd.DataFrame, released: pd.DataFrame) -> pd.DataFrame:
    """What entered, rose, fell or left since the list before, with a sentence each."""
    moved = listed[listed["change_kind"].isin(["新增", "升级", "降级"])]
    was = moved["previous_colour"].astype("str")
    step = "，由" + was + "色变为" + moved["colour"].astype("str") + "色"
    moved = moved.assign(change_text=moved["trigger_text"] + step.where(moved["previous_colour"].notna(), ""))
    months = released["clean_months"].astype("Int64").astype("str")
    insured = released["insured_persons"].astype("Int64").astype("str")
    back = "参保记录已恢复（" + insured + "人），原触发条件不再成立，提请解除"
    why = ("连续" + months + "个参保月未再触发，提请解除").mask(released["last_trigger_code"].isin(ABSENCES), back)
    why = why.where(released["trigger_colour"] == "", "不再列入：劳务派遣或人事代理单位，单独统计")
    left = released.assign(change_kind="解除", colour="", change_text=why)
    columns = [*SHOWN, "county_name", "previous_colour", "change_text"]
    return pd.concat([moved[columns], left[columns]]).sort_values("enterprise_id")


def counted(
    months: pd.DataFrame, table: pd.DataFrame, listed: pd.DataFrame, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    """One row per county, industry and month of thirteen: enterprises, persons, changes, exporters, colours."""
    last, many = months["month"].max(), parameters["county_table_months"]
    rows = months[months["month"] > last - pd.DateOffset(months=many + 1)]
    places = table[["county_code", "industry_division", "industry_name", "is_us_exporter"]]
    places = places.assign(industry_division=places["industry_division"].fillna("00"))
    rows = rows[["enterprise_no", "month", "level", "present"]].merge(places, on="enterprise_no")
    by = rows.groupby("enterprise_no", sort=False)
    here = rows["present"] | by["present"].shift(1, fill_value=False)
    rows["change"] = rows["level"] - rows["level"].fillna(0).groupby(rows["enterprise_no"], sort=False).shift(1)
    rows = rows[here & (rows["month"] > last - pd.DateOffset(months=many)) & rows["level"].notna()]
    insured = rows["level"] > 0
    exporter = insured & rows["is_us_exporter"]
    rows = rows.assign(
        enterprise_count=insured,
        insured_persons=rows["level"],
        net_change_persons=rows["change"],
        large_loss_count=-rows["change"] >= parameters["large_loss_persons"],
        us_exporter_count=exporter,
        us_exporter_insured_persons=rows["level"].where(exporter, 0),
    )
    key = ["month", "county_code", "industry_division", "industry_name"]
    sums = [*("enterprise_count", "insured_persons", "net_change_persons", "large_loss_count")]
    found = rows.groupby(key)[[*sums, "us_exporter_count", "us_exporter_insured_persons"]].sum().reset_index()
    before = found["insured_persons"] - found["net_change_persons"]
    found["net_change_ratio"] = found["net_change_persons"] / before.where(before > 0)
    colours = listed.assign(month=last).groupby([*key, "colour"]).size().unstack(fill_value=0)
    return found.merge(colours.reset_index(), on=key, how="left")


def sources(delivered: Delivered, contracts: Contracts) -> pd.DataFrame:
    """How far each source reaches: files, rows, last arrival, last month."""
    rows = []
    for name, frame in delivered.feeds.items():
        feed = contracts.feeds[name]
        files = delivered.received[delivered.received["feed"] == name]
        held = delivered.quarantine[delivered.quarantine["feed"] == name]
        rows.append(
            {
                "来源": feed.label,
                "部门": feed.owner,
                "文件": len(files),
                "最近收到": files["received_at"].max(),
                "数据月份": frame["month"].max() if "month" in frame else pd.NaT,
                "行数": len(frame),
                "隔离行数": len(held[["delivery", "line_no"]].drop_duplicates()),
            }
        )
    absent = [name for name in contracts.feeds if name not in delivered.feeds]
    return pd.DataFrame([*rows, *({"来源": contracts.feeds[name].label, "文件": 0} for name in absent)])


def quality(months: pd.DataFrame, delivered: Delivered) -> pd.DataFrame:
    """Checks on the month's whole: as many rows as usual, and heads that follow from joiners and leavers."""
    last = months["month"].max()
    size = months[months["present"]].groupby("month").size()
    usual = size.rolling(6).median().shift(1)
    before = months.groupby("enterprise_no", sort=False)["level"].shift(1)
    gap = months["level"] - before - months["joiners_persons"] + months["leavers_persons"]
    now = gap[(months["month"] == last) & gap.notna()]
    found = [
        ("行数与前六个月中位数之比", size[last] / usual[last], size[last] >= 0.9 * usual[last]),
        ("人数与增减员一致的企业占比", (now == 0).mean(), (now == 0).mean() >= 0.9),
        ("隔离行数", float(len(delivered.quarantine)), True),
    ]
    return pd.DataFrame(found, columns=["检查", "数值", "通过"])
