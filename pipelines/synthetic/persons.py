"""Persons as originals name them, so that landing can show that it drops them. Nobody: each says that it is made up.

No identity number begins with 99 and no telephone number with 000; names count through a list of invented words.
"""

import numpy as np
import polars as pl

WORDS = "甲乙丙丁戊己庚辛壬癸"
NAME, CARD, PHONE = "姓名", "身份证号", "联系电话"


def made_up(count: int, role: str, rng: np.random.Generator) -> dict[str, pl.Series]:
    """Three columns about ``count`` persons in the ``role`` of a case."""
    serial = rng.integers(0, 10_000, count)
    return {
        f"{role}{NAME}": pl.Series(
            [f"虚构{WORDS[n % 10]}{WORDS[n // 10 % 10]}{n:04d}" for n in serial.tolist()], dtype=pl.String
        ),
        f"{role}{CARD}": pl.Series([f"99{n:04d}19000101{n:04d}" for n in serial.tolist()], dtype=pl.String),
        f"{role}{PHONE}": pl.Series([f"000{n:08d}" for n in serial.tolist()], dtype=pl.String),
    }
