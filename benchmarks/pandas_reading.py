"""What the departments sent, as pandas frames with our names: every file of the schedule, the newest row of a key."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

KINDS = {"pension": "养老", "unemployment": "失业", "injury": "工伤"}
INSURANCE = {
    "单位编号": "unit_no",
    "费款所属期": "month",
    "失业保险参保人数": "insured",
    "新增参保人数": "joiners",
    "停保人数": "leavers",
    "高基数停保人数": "high_base_leavers",
    "缴费基数总额": "base",
} | {
    f"{word}{said}": f"{what}_{kind}"
    for kind, word in KINDS.items()
    for said, what in (("应缴", "due"), ("实缴", "paid"), ("缓缴", "deferred"))
}
REGISTER = {
    "统一社会信用代码": "enterprise_id",
    "企业名称": "name",
    "登记状态": "status",
    "注销日期": "deregistered_on",
    "行业代码": "industry",
    "县区代码": "county",
}
UNITS = {
    "单位编号": "unit_no",
    "统一社会信用代码": "enterprise_id",
    "单位类型": "unit_kind",
    "参保日期": "valid_from",
    "终止日期": "valid_to",
}
EXPORTS = {
    "海关注册编码": "customs_code",
    "统一社会信用代码": "enterprise_id",
    "申报角色": "role",
    "商品编码": "hs_code",
    "最终目的国": "destination",
    "出口月份": "month",
    "出口额": "usd",
}
TAX = {
    "统一社会信用代码": "enterprise_id",
    "税款所属期": "month",
    "开票收入": "invoiced",
    "个税申报人数": "payroll_persons",
    "工资薪金总额": "payroll",
}
POWER = {
    "用电户号": "account_no",
    "统一社会信用代码": "enterprise_id",
    "用电月份": "month",
    "用电量": "power_kwh",
}
MONITOR = {
    "统一社会信用代码": "enterprise_id",
    "调查期": "month",
    "调查期期末就业人数": "surveyed",
    "本月新招人数": "hired",
    "本月减员人数": "separated",
    "劳务派遣用工人数": "dispatch",
    "待岗人数": "idle",
}
NOTICES = {
    "报告编号": "notice_no",
    "统一社会信用代码": "enterprise_id",
    "报告日期": "reported_on",
    "拟裁减人数": "cut_persons",
    "报告状态": "notice_status",
}
NAMES = {
    "insurance_month": INSURANCE,
    "enterprise_register": REGISTER,
    "insured_unit": UNITS,
    "customs_export": EXPORTS,
    "employment_monitor": MONITOR,
    "layoff_notice": NOTICES,
    "tax_month": TAX,
    "power_month": POWER,
}
NUMBERS = {
    "insurance_month": tuple(INSURANCE.values())[2:],
    "employment_monitor": tuple(MONITOR.values())[2:],
    "customs_export": ("usd",),
    "tax_month": ("invoiced", "payroll_persons", "payroll"),
    "power_month": ("power_kwh",),
}
KEYS = {
    "insurance_month": ("unit_no", "month"),
    "enterprise_register": ("enterprise_id",),
    "insured_unit": ("unit_no", "enterprise_id", "valid_from"),
    "customs_export": ("customs_code", "role", "hs_code", "destination", "month"),
    "employment_monitor": ("enterprise_id", "month"),
    "layoff_notice": ("notice_no",),
    "tax_month": ("enterprise_id", "month"),
    "power_month": ("account_no", "month"),
}
TEN_THOUSAND = 10_000
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def read_all(folder: Path, *, until: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Every file that had come before ``until``, by feed, in order of arrival."""
    schedule = pd.read_csv(folder / "deliveries.csv", parse_dates=["received_at"])
    schedule = schedule[(schedule["received_at"] < until) & schedule["feed"].isin(NAMES)].sort_values("received_at")
    feeds = {}
    for feed, part in schedule.groupby("feed"):
        frames = [read_file(folder / file, NAMES[feed]) for file in part["file"]]
        feeds[feed] = clean(pd.concat(frames, ignore_index=True), feed)
    return feeds


def read_file(path: Path, names: Mapping[str, str]) -> pd.DataFrame:
    """One delivery with our column names; a workbook's header is the row that holds the first of them."""
    texts = dict.fromkeys((k for k in names if k.endswith(("编号", "代码", "编码", "月份", "所属期", "调查期"))), str)
    if path.suffix == ".csv":
        try:
            frame = pd.read_csv(path, encoding="utf-8-sig", dtype=texts, thousands=",", low_memory=False)
        except UnicodeDecodeError:
            frame = pd.read_csv(path, encoding="gb18030", dtype=texts, thousands=",", low_memory=False)
    else:
        sheet = pd.read_excel(path, engine="calamine", header=None, dtype=str)
        top = int((sheet == next(iter(names))).any(axis=1).idxmax())
        frame = sheet.iloc[top + 1 :].set_axis(sheet.iloc[top], axis=1)
        frame = frame[frame.iloc[:, 0] != "合计"]
    for head in [head for head in frame.columns if str(head).endswith(")")]:
        base, unit = head[:-1].split("(")
        frame[base] = frame[head] * TEN_THOUSAND if unit.startswith("万") else frame[head]
    return frame.rename(columns=names)[list(names.values())]


def clean(frame: pd.DataFrame, feed: str) -> pd.DataFrame:
    """Numbers as numbers, months as months, bad rows out, the newest row of a key."""
    for name in NUMBERS.get(feed, ()):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            plain = frame[name].astype(str).str.normalize("NFKC").str.replace(",", "")
            frame[name] = pd.to_numeric(plain, errors="coerce")
    if "month" in frame:
        frame["month"] = pd.to_datetime(frame["month"].str.replace("-", "").str[:6], format="%Y%m", errors="coerce")
    good = frame[KEYS[feed][0]].notna() & (frame["month"].notna() if "month" in frame else True)
    if feed == "insurance_month":
        good &= frame["insured"].between(0, 500_000)
        for name in ("joiners", "leavers", "base"):
            good &= frame[name].isna() | (frame[name] >= 0)
    if feed in {"enterprise_register", "insured_unit"}:
        good &= frame["enterprise_id"].map(is_code)
    return frame[good].drop_duplicates(list(KEYS[feed]), keep="last").reset_index(drop=True)


def is_code(code: str) -> bool:
    """Whether the check symbol of a unified social credit code is right."""
    if len(code) != 18 or any(symbol not in USCC for symbol in code):
        return False
    total = sum(weight * USCC.index(symbol) for weight, symbol in zip(WEIGHTS, code[:17], strict=True))
    return code[17] == USCC[(31 - total % 31) % 31]
