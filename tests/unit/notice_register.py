"""A made-up register of notices: most employers file once, some file again and again at new sites."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from models.notice_cleaning import SCHEMA

FIRST, UNTIL = date(2010, 1, 1), date(2020, 1, 1)
AREAS = ("AA", "BB", "CC")


def row(notice_id: str, employer: str, noticed_on: date | None, **other: object) -> dict[str, object]:
    """One notice; what is not given is not told."""
    given = {"notice_id": notice_id, "employer": employer, "area": "AA", "noticed_on": noticed_on, **other}
    return {name: given.get(name) for name in SCHEMA}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    """A canonical register of ``rows``."""
    return pl.DataFrame(list(rows), schema=dict(SCHEMA))


def made(
    *, employers: int = 240, seed: int = 1, amended: float = 0.0, gap: tuple[int, int] = (70, 130)
) -> pl.DataFrame:
    """A register of ten years: every eighth employer is a repeater, that files after ``gap`` days again.

    A share of ``amended`` of the notices is refiled at the same site 40 days later with other persons.
    """
    draw, rows = np.random.default_rng(seed), []
    for number in range(employers):
        again = number % 8 == 0
        day = FIRST + timedelta(days=int(draw.integers(0, 2000 if again else 3650)))
        site = 0
        while day < UNTIL:
            persons = int(draw.integers(20, 300))
            name, place = f"{'Serial' if again else 'Single'} Works {number:03d} Inc.", f"Town {number} {site}"
            told = {"area": AREAS[number % 3], "county": place, "place": place, "persons": persons, "industry": "33"}
            rows.append(row(f"n{len(rows):05d}", name, day, **told, starts_on=day + timedelta(days=61)))
            later = day + timedelta(days=40)
            if draw.random() < amended and later < UNTIL:
                told |= {"persons": persons + 1}
                rows.append(row(f"n{len(rows):05d}", name.upper(), later, **told, starts_on=later + timedelta(days=70)))
            if not again:
                break
            day, site = day + timedelta(days=int(draw.integers(*gap))), site + 1
    return frame(*rows)
