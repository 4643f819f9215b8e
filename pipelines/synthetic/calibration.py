"""The numbers that shape the generated city, read once from `calibration.yml`.

They are no parameters of the system: nothing outside this package may read them, and they decide nothing about a real
enterprise. A missing number is an error, never a default.
"""

import zlib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

FOLDER = Path(__file__).resolve().parent


@cache
def calibration() -> Mapping[str, Any]:
    """Name → value of every number of the city."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "calibration.yml").read_text(encoding="utf-8"))
    return loaded


@cache
def industries() -> pl.DataFrame:
    """Industry classes of the city: code, word for names, weight in its section, goods, flows in % a month."""
    return pl.read_csv(FOLDER / "industries.csv").with_columns(pl.col("goods").fill_null(""))


@cache
def goods() -> pl.DataFrame:
    """Commodity codes by group of goods, with how strongly the US part answered in May 2025 (1 = all goods)."""
    return pl.read_csv(FOLDER / "goods.csv", schema={"goods": pl.String, "hs8": pl.String, "us_response": pl.Float64})


def stream(seed: int, name: str) -> np.random.Generator:
    """Return a generator of random numbers of its own for each purpose, so that one change does not move all others."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def add_months(month: date, count: int) -> date:
    """First of the month ``count`` months after ``month``."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def month_index(month: date, first: date) -> int:
    """Months from ``first`` to ``month``."""
    return (month.year - first.year) * 12 + month.month - first.month


def month_of(text: str) -> date:
    """First of the month written ``YYYY-MM``."""
    return date(int(text[:4]), int(text[5:7]), 1)
