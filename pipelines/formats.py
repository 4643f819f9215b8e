"""How numbers, months and instants read in Chinese, on every page, sheet and mail: one place, so they agree.

Rounding is half up from the shortest decimal of a float, and the minus sign is U+2212. A missing value is never
printed as zero: the caller says in words what its absence means.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

MINUS = "\u2212"
COLOURS = ("红", "橙", "黄", "蓝")
SIMULATED = "模拟数据"
CONFIDENTIAL = "【内部资料 注意保管】"
PURPOSE = "仅用于就业服务与风险化解，不作为处罚、授信依据"


def count(value: int | None, *, missing: str = "无数据") -> str:
    """``12,345``; ``−12`` below zero."""
    return missing if value is None else f"{value:,}".replace("-", MINUS)


def signed(value: int | None, *, missing: str = "无数据") -> str:
    """``+12``, ``−12``, ``0``."""
    return missing if value is None else f"{value:+,}".replace("-", MINUS) if value else "0"


def percent(ratio: float | None, *, missing: str = "无数据", places: int = 1) -> str:
    """``15.8%`` of the ratio 0.158; ``−15.8%`` below zero."""
    if ratio is None:
        return missing
    text = f"{_rounded(ratio, places):,}"
    return f"{text.replace('-', MINUS)}%"


def signed_percent(ratio: float | None, *, missing: str = "无数据") -> str:
    """``+1.2%``, ``−15.8%``, ``0.0%``."""
    text = percent(ratio, missing=missing)
    return f"+{text}" if ratio is not None and _rounded(ratio, 1) > 0 else text


def ten_thousands(value: int) -> str:
    """Persons in 万人 at two decimals: ``44.12``."""
    return str((Decimal(value) / 10000).quantize(Decimal("0.01"), ROUND_HALF_UP))


def times(ratio: float | None, *, missing: str = "无数据") -> str:
    """``1.98`` of a ratio that is told as a multiple, as 求人倍率 is."""
    return missing if ratio is None else str(Decimal(str(ratio)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def ten_thousand_dollars(cents: int) -> str:
    """US dollars in 万美元, whole: ``1,440`` of 1,439,887,450 cents."""
    return f"{(Decimal(cents) / 1_000_000).quantize(Decimal(1), ROUND_HALF_UP):,}"


def yuan(fen: int) -> str:
    """An amount of money: yuan, from ten thousand on 万元 with two places at most."""
    if fen >= 1_000_000:
        return f"{Decimal(fen) / 1_000_000:.2f}".rstrip("0").rstrip(".") + "万元"
    return f"{Decimal(fen) / 100:.2f}".rstrip("0").rstrip(".") + "元"


def month(value: date | None, *, missing: str = "无") -> str:
    """``2026年10月``."""
    return f"{value.year}年{value.month}月" if value else missing


def day(value: date) -> str:
    """``2026年11月12日``."""
    return f"{value.year}年{value.month}月{value.day}日"


def instant(value: datetime | None, *, missing: str = "无") -> str:
    """``2026-11-12 02:00``, Asia/Shanghai."""
    return f"{value:%Y-%m-%d %H:%M}" if value else missing


def edition(as_of: date, revision: int) -> str:
    """``2026-11-12 第1版``."""
    return f"{as_of.isoformat()} 第{revision}版"


def _rounded(ratio: float, places: int) -> Decimal:
    rounded = (Decimal(str(ratio)) * 100).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return abs(rounded) if rounded == 0 else rounded


def forecast(label: str, probability: float, persons: float) -> str:
    """``预测未来3个月减少20%及以上的可能性62%，预计减少约41人``; whole per cents and persons, rounded half up."""
    chance = (round(probability * 10_000) + 50) // 100
    loss = (round(persons * 10) + 5) // 10
    return f"预测{label}的可能性{chance}%，预计减少约{loss}人"
