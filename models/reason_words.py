"""Numbers, months and money in the Chinese that officers read: no more digits than they can use."""

from datetime import date

MINUS = "−"
USD_CENT_PER_WAN = 1_000_000
FEN_PER_WAN = 1_000_000


def signed_percent(ratio: float) -> str:
    """``ratio`` as a signed percentage with one decimal: −15.8%, +3.0%, 0.0%."""
    tenths = round(ratio * 1000)
    sign = MINUS if tenths < 0 else "+" if tenths > 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}%"


def percent(ratio: float) -> str:
    """The size of ``ratio`` as a percentage with one decimal, without its sign."""
    return signed_percent(ratio).lstrip(f"{MINUS}+")


def month_text(month: date) -> str:
    """2025年5月."""
    return f"{month.year}年{month.month}月"


def span_text(last: date, *, months: int) -> str:
    """The ``months`` months ending with ``last``: 2025年3—5月, 2024年12月—2025年2月."""
    number = last.year * 12 + last.month - months
    first = date(number // 12, number % 12 + 1, 1)
    if first.year == last.year:
        return f"{first.year}年{first.month}—{last.month}月"
    return f"{month_text(first)}—{month_text(last)}"


def wan(amount: int, *, unit: int) -> str:
    """``amount`` in units of ten thousand with one decimal; ``unit`` of the small unit make one of them."""
    tenths = (amount * 10 + unit // 2) // unit
    return f"{tenths // 10}.{tenths % 10}万"


def yuan(fen: int) -> str:
    """``fen`` in yuan, from ten thousand on in ten thousands: 8500元, 12.3万元."""
    return f"{fen // 100}元" if abs(fen) < FEN_PER_WAN else f"{wan(fen, unit=FEN_PER_WAN)}元"


def day_text(day: date) -> str:
    """2025年6月3日."""
    return f"{day.year}年{day.month}月{day.day}日"
