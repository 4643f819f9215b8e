"""Points by the dated rules, colours by the dated lines, and the list within the officers' capacity.

The list goes on from the one before: a case keeps its number, rises and falls, and leaves after months without cause.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

COMPARE = {">=": pd.Series.ge, "<=": pd.Series.le, ">": pd.Series.gt, "<": pd.Series.lt, "==": pd.Series.eq}
CATALOGUES = ("reasons", "mitigating_reasons", "added_reasons")
RANKS = {"红": 4, "橙": 3, "黄": 2, "蓝": 1}
ENDED = ["注销", "吊销"]
KEPT = ["enterprise_id", "colour", "warning_no", "listed_since", "raised_on", "clean_months", "trigger_text"]
MEMORY = [*KEPT, "last_trigger_code", "last_trigger_month"]
ABSENCES = ["absent_once", "closure_absent"]


def holds(table: pd.DataFrame, condition: tuple[str, str, Any]) -> pd.Series:
    """Where one condition of a rule holds; a missing value never does."""
    column, operator, value = condition
    if operator == "known":
        return table[column].notna() == value
    if operator == "not in":
        return table[column].notna() & ~table[column].isin(value)
    return COMPARE[operator](table[column], value) & table[column].notna()


def reasons(table: pd.DataFrame, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """One row per enterprise and rule that fires, with the points that it adds once dimensions are capped."""
    catalogue = {entry["code"]: entry for name in CATALOGUES for entry in parameters[name]}
    fired = []
    for name, rule in parameters.items():
        code = name.removeprefix("rule_")
        if not name.startswith("rule_") or code not in catalogue:
            continue
        masks = [np.logical_and.reduce([holds(table, c) for c in level["when"]]) for level in rule["levels"]]
        points = np.select(masks, [level["points"] for level in rule["levels"]], -1)
        entry = catalogue[code]
        found = pd.DataFrame({"enterprise_no": table.index[points >= 0], "own_points": points[points >= 0]})
        fired.append(found.assign(code=code, name=entry["name"], dimension=entry["dimension"], kind=rule["kind"]))
    rows = pd.concat(fired)
    rows = taken(rows, rows["dimension"].map(parameters["rule_score_caps"]), ["enterprise_no", "dimension"])
    against, relief = rows[rows["kind"] != "mitigating"], rows[rows["kind"] == "mitigating"]
    there = relief["enterprise_no"].map(against.groupby("enterprise_no")["points"].sum()).fillna(0)
    relief = taken(relief[there > 0].drop(columns="points"), there[there > 0], ["enterprise_no"])
    relief = relief.assign(points=-relief["points"])
    rows = pd.concat([against, relief]).assign(
        is_mitigating=lambda r: r["kind"] == "mitigating", weight=lambda r: r["points"].abs()
    )
    return rows.sort_values(["enterprise_no", "is_mitigating", "weight", "code"], ascending=[True, True, False, True])


def taken(rows: pd.DataFrame, limit: pd.Series, within: list[str]) -> pd.DataFrame:
    """``points``: own points, heaviest first and ties by code, as far as ``limit`` of the group allows."""
    order = [*within, "own_points", "code"]
    rows = rows.assign(limit=limit).sort_values(order, ascending=[True] * len(within) + [False, True])
    groups = rows.groupby(within)["own_points"]
    before = groups.cumsum() - rows["own_points"]
    room = rows["limit"].fillna(groups.transform("sum")) - before
    return rows.assign(points=np.minimum(rows["own_points"], room).clip(lower=0)).drop(columns="limit")


def scored(table: pd.DataFrame, fired: pd.DataFrame) -> pd.DataFrame:
    """``table`` with its points and the number of dimensions that a signal speaks in."""
    signals = fired[fired["kind"] == "signal"].groupby("enterprise_no")["dimension"].nunique()
    table = table.assign(
        points=fired.groupby("enterprise_no")["points"].sum().reindex(table.index, fill_value=0),
        dimension_count=signals.reindex(table.index, fill_value=0),
    )
    weight = table["points"] * table["insured_persons"].fillna(0)
    return table.assign(rank_city=weight.rank(ascending=False, method="first").astype(int))


def coloured(table: pd.DataFrame, day: pd.Timestamp, given: Mapping[str, Any]) -> pd.DataFrame:
    """``table`` with the gravest colour that its facts give, and the line that gives it."""
    reference = table["reference_month"].iloc[0]
    window = reference - pd.DateOffset(months=given["closure_window_months"] - 1)
    lost, base, absent = table["net_loss_persons"], table["previous_insured_persons"], table["absent_months"]
    left = table["absent_loss_persons"].fillna(table["last_insured_persons"]).fillna(table["insured_persons"])
    staff = table["insured_persons"].where(table["insured_persons"] > 0, left)
    over, on = table["enterprise_status"].isin(ENDED), table["deregistered_on"]
    ended = over & (on.between(window, day) | (on.isna() & absent.between(1, given["closure_window_months"])))
    closed = ended | absent.between(given["closure_absent_months"], given["closure_window_months"])
    once = (absent == 1) & ~closed
    large = (lost * 100 >= given["orange_loss_pct"] * base) & (lost >= given["orange_loss_pct_min_persons"])
    share = (lost * 100 >= given["yellow_loss_pct"] * base) & (base >= given["yellow_loss_pct_min_base"]) & (lost > 0)
    orange_staff = min(given["orange_loss_persons"], given["orange_loss_pct_min_persons"])
    yellow_staff = min(given["yellow_loss_persons"], given["yellow_loss_pct_min_base"])
    risky = (table["dimension_count"] >= given["blue_dimensions"]) & (table["points"] >= given["blue_points"])
    rules = [
        ("closure_deregistered", "红", ended & (staff >= given["red_closure_persons"])),
        ("closure_absent", "红", closed & ~ended & (staff >= given["red_closure_persons"])),
        ("loss_persons", "红", ~once & (lost >= given["red_loss_persons"])),
        ("closure_deregistered", "橙", ended & (staff >= orange_staff)),
        ("closure_absent", "橙", closed & ~ended & (staff >= orange_staff)),
        ("absent_once", "橙", once & ((lost >= given["orange_loss_persons"]) | large)),
        ("loss_persons", "橙", lost >= given["orange_loss_persons"]),
        ("loss_ratio", "橙", large),
        ("closure_deregistered", "黄", ended & (staff >= yellow_staff)),
        ("closure_absent", "黄", closed & ~ended & (staff >= yellow_staff)),
        ("absent_once", "黄", once & ((lost >= given["yellow_loss_persons"]) | share)),
        ("loss_persons", "黄", lost >= given["yellow_loss_persons"]),
        ("loss_ratio", "黄", share),
        ("notice", "黄", table["notice_cut_persons"].notna()),
        ("reasons", "蓝", risky & (staff >= given["blue_min_insured_persons"]) & ~closed),
    ]
    conditions = [condition for _, _, condition in rules]
    return table.assign(
        staff_persons=staff,
        ended_before_window=over & (on < window),
        trigger_colour=np.select(conditions, [colour for _, colour, _ in rules], ""),
        trigger_code=np.select(conditions, [code for code, _, _ in rules], ""),
    )


def listing(
    table: pd.DataFrame, before: pd.DataFrame | None, capacity: Mapping[str, int], *, default: int, release: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The list, the triggered that it leaves out with the reason, and what left it, going on from the list before."""
    earlier = pd.DataFrame(columns=MEMORY) if before is None else before[MEMORY]
    earlier = earlier.rename(columns={"colour": "previous_colour"}).set_index("enterprise_id")
    named = table.set_index("enterprise_id").join(earlier)
    rows = named[(named["trigger_colour"] != "") | named["previous_colour"].notna()].reset_index()
    filed, was = rows["notice_cut_persons"].notna(), rows["previous_colour"].notna()
    triggered, rank = rows["trigger_colour"] != "", rows["trigger_colour"].map(RANKS).fillna(0)
    agency = triggered & rows["is_labour_agency"] & ~filed
    stale = triggered & rows["ended_before_window"] & (rank < RANKS["橙"]) & ~was & ~filed & ~agency
    clean = rows["clean_months"].fillna(0) + 1
    rows["clean_months"] = clean.where(~triggered, 0)
    back = rows["last_trigger_code"].isin(ABSENCES) & (rows["insured_persons"] > 0)
    released = was & (agency | (~triggered & ((clean >= release) | back)))
    rows["last_trigger_code"] = rows["trigger_code"].where(triggered, rows["last_trigger_code"])
    rows["last_trigger_month"] = pd.to_datetime(rows["reference_month"].where(triggered, rows["last_trigger_month"]))
    stays = was & ~released
    rows["weight"] = rows["points"] * rows["staff_persons"]
    fresh = rows[triggered & ~was & ~agency & ~stale].assign(rank=rank)
    within = admitted(fresh, capacity, default)
    listed = compared(rows[stays | rows.index.isin(fresh.index[within])], is_first=before is None)
    filtered = pd.concat(
        [
            rows[agency].assign(filter_text="劳务派遣或人事代理单位，单独统计"),
            rows[stale].assign(filter_text="观察窗口之前已注销或吊销"),
            rows.loc[fresh.index[~within]].assign(filter_text="超出本县区本月走访能力"),
        ]
    )
    return listed, filtered, rows[released]


def admitted(fresh: pd.DataFrame, capacity: Mapping[str, int], default: int) -> pd.Series:
    """Which new cases are listed: red, orange, filed reports, and of the others what a county can visit."""
    ranked = fresh.sort_values(["rank", "weight", "enterprise_id"], ascending=[False, False, True])
    exempt = (ranked["rank"] >= RANKS["橙"]) | ranked["notice_cut_persons"].notna()
    place = (~exempt).astype(int).groupby(ranked["county_code"]).cumsum()
    return (exempt | (place <= ranked["county_code"].map(capacity).fillna(default))).reindex(fresh.index)


def compared(listed: pd.DataFrame, *, is_first: bool) -> pd.DataFrame:
    """``listed`` with colours and how they differ from the list before, the gravest first."""
    triggered = listed["trigger_colour"] != ""
    listed = listed.assign(colour=listed["trigger_colour"].where(triggered, listed["previous_colour"]))
    order = listed["colour"].map(RANKS)
    rise = order - listed["previous_colour"].map(RANKS)
    kinds = [listed["previous_colour"].isna(), rise > 0, rise < 0]
    kind = np.select(kinds, ["首期" if is_first else "新增", "升级", "降级"], "持续")
    listed = listed.assign(change_kind=kind, order=order)
    return listed.sort_values(["order", "weight", "enterprise_id"], ascending=[False, False, True])


def numbered(listed: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """``listed`` with numbers and days: month, county and a count that goes on; the clocks run from entry or rise."""
    fresh = listed["warning_no"].isna()
    prefix = "YJ" + listed["reference_month"].dt.strftime("%Y%m") + listed["county_code"]
    used = listed.loc[~fresh, "warning_no"].astype("str")
    last = used.str[-3:].astype(int).groupby(used.str[:-3]).max()
    count = prefix.map(last).fillna(0).astype(int) + fresh.astype(int).groupby(prefix).cumsum()
    rose = fresh | (listed["change_kind"] == "升级")
    return listed.assign(
        warning_no=listed["warning_no"].where(~fresh, prefix + count.astype(str).str.zfill(3)),
        listed_since=pd.to_datetime(listed["listed_since"]).where(~fresh, day),
        raised_on=pd.to_datetime(listed["raised_on"]).where(~rose, day),
    )
