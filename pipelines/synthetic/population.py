"""Who lives in the generated city: employers, their insured units, groups and agencies, and who is known to whom.

Everything here is decided before the first month. This module refuses to know about months, shocks or files.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic import clerks, codes
from pipelines.synthetic.calibration import add_months, calibration, industries, stream

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NEVER = 1_000_000
ORDINARY, DISPATCH, AGENCY = 0, 1, 2
UNIT_KINDS = ("普通", "劳务派遣", "人事代理")


@dataclass(frozen=True)
class Population:
    """Employers (first block) and insured units (second block), by position.

    ``birth`` and ``death`` are month numbers, -1 = before the first month, ``NEVER`` = stays. ``staff`` is the wanted
    number of insured persons at the start. ``group`` and ``parent`` are -1 for none. Units insure from the first of the
    month ``insured_from``. From month ``renamed`` on the
    register gives ``new_name``. Of the units that are ``name_only`` the roll gives no code but the name as it was
    ``written``, in the way ``spoilt``.
    """

    uscc: tuple[str, ...]
    name: tuple[str, ...]
    established: tuple[date, ...]
    county: Ints
    county_codes: tuple[str, ...]
    industry: Ints
    section: tuple[str, ...]
    staff: Floats
    birth: Ints
    death: Ints
    group: Ints
    parent: Ints
    kind: Ints
    registered: Flags
    turnover: Floats
    festival: Floats
    season: Floats
    base_yuan: Floats
    owner: Ints
    unit_share: Floats
    unit_no: tuple[str, ...]
    insured_from: tuple[date, ...]
    linked: Flags
    renamed: Ints
    new_name: tuple[str, ...]
    name_only: Flags
    written: tuple[str, ...]
    spoilt: tuple[str, ...]

    @property
    def enterprises(self) -> int:
        """Number of employers."""
        return len(self.uscc)

    @property
    def units(self) -> int:
        """Number of insured units."""
        return len(self.unit_no)

    def of_units(self, values: Ints) -> Ints:
        """Sum of a column of units by employer."""
        return np.bincount(self.owner, weights=values, minlength=self.enterprises).astype(np.int64)


def populate(enterprises: int, *, months: int, first: date, seed: int) -> Population:
    """Decide ``enterprises`` employers for ``months`` months from ``first``."""
    rng = stream(seed, "population")
    numbers = calibration()
    staff = _staff(enterprises, rng)
    section, industry = _industries(staff, rng)
    codes_of_counties = tuple(numbers["counties"])
    shares = np.array([numbers["counties"][c]["share"] for c in codes_of_counties])
    county = rng.choice(len(shares), size=enterprises, p=shares / shares.sum())
    kind = _agencies(staff, rng)
    table = industries()
    for value, code in ((DISPATCH, "L7263"), (AGENCY, "L7269")):
        industry[kind == value] = table["code"].to_list().index(code)
        section[kind == value] = "L"
    group, position, parent = _families(staff, kind, rng)
    industry[group >= 0] = _first_of_group(industry, group)[group >= 0]
    section[group >= 0] = _first_of_group(section, group)[group >= 0]
    birth, death = _lives(staff, kind, group, months, rng)
    owner, unit_share = _units(staff, rng)
    words = [numbers["counties"][codes_of_counties[c]]["word"] for c in county]
    name = codes.names(words, codes.brands(group, rng), table["word"].gather(industry).to_list(), position)
    for place in np.flatnonzero(parent >= 0):
        name[place] = f"{name[parent[place]]}{words[place]}分公司"
    return Population(
        uscc=tuple(codes.usccs(_authorities(county, codes_of_counties, rng), rng)),
        name=tuple(name),
        established=(established := _established(birth, first, rng)),
        county=county,
        county_codes=codes_of_counties,
        industry=industry,
        section=tuple(section),
        staff=staff,
        birth=birth,
        death=death,
        group=group,
        parent=parent,
        kind=kind,
        registered=rng.random(enterprises) >= numbers["missing_register"],
        turnover=_turnover(staff, table["turnover_pct"].to_numpy()[industry] / 100, rng),
        festival=table["festival_pct"].to_numpy()[industry] / 100 * rng.gamma(4.0, 0.25, enterprises),
        season=table["season_pct"].to_numpy()[industry] / 100,
        base_yuan=numbers["base_mean_yuan"] * np.exp(rng.normal(0, numbers["base_spread"], enterprises)),
        owner=owner,
        unit_share=unit_share,
        unit_no=tuple(codes.unit_nos(len(owner), rng)),
        insured_from=_insured_from(established, owner, first, stream(seed, "insured from")),
        linked=rng.random(len(owner)) >= numbers["missing_unit_link"],
        **_named(name, owner, months, stream(seed, "names")),
    )


def _named(name: list[str], owner: Ints, months: int, rng: np.random.Generator) -> dict[str, Any]:
    """Who changes its name and when, and which units the roll names without a code, and how."""
    numbers = calibration()
    wait = np.floor(np.log(rng.random(len(name))) / np.log1p(-numbers["rename_pct"] / 100)).astype(np.int64) + 1
    renamed = np.where(wait < months, wait, NEVER)
    new_name = list(name)
    taken = set(name)
    for place in np.flatnonzero(renamed < NEVER).tolist():
        other = codes.rebranded(name[place], rng)
        if other not in taken:
            new_name[place] = other
            taken.add(other)
    written, spoilt = clerks.written([name[place] for place in owner.tolist()], rng)
    return {
        "renamed": np.where(np.array(new_name) == np.array(name), NEVER, renamed),
        "new_name": tuple(new_name),
        "name_only": rng.random(len(owner)) < numbers["name_only_units"],
        "written": tuple(written),
        "spoilt": tuple(spoilt),
    }


def _staff(enterprises: int, rng: np.random.Generator) -> Floats:
    classes = calibration()["sizes"]
    exact = np.array([share for _, _, share in classes]) * enterprises / sum(share for _, _, share in classes)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: enterprises - counts.sum()]] += 1
    drawn = [_in_class(low, high, _spaced(count, rng)) for (low, high, _), count in zip(classes, counts, strict=True)]
    return rng.permutation(np.concatenate(drawn))


def _in_class(low: int, high: int, quantile: Floats) -> Floats:
    """Staff at ``quantile`` of a class: even in logarithms below 20 persons, a Pareto tail above."""
    start, end, tail = low - 0.4, high + 0.5, calibration()["size_tail"]
    if low < 20:
        return np.asarray(start * (end / start) ** quantile)
    return np.asarray(start * (1 - quantile * (1 - (start / end) ** tail)) ** (-1 / tail))


def _spaced(count: int, rng: np.random.Generator) -> Floats:
    """Evenly spaced quantiles with jitter, so that the few largest employers do not decide the city's size."""
    return (np.arange(count) + rng.random(count)) / max(count, 1)


def _industries(staff: Floats, rng: np.random.Generator) -> tuple[NDArray[np.str_], Ints]:
    sections = calibration()["sections"]
    letters = np.array(list(sections))
    band = np.digitize(staff, (19.5, 99.5))
    section = np.empty(len(staff), dtype="<U1")
    for number in range(3):
        weights = np.array([sections[letter][number] for letter in letters])
        chosen = band == number
        section[chosen] = rng.choice(letters, size=chosen.sum(), p=weights / weights.sum())
    table = industries()
    first_letters = table["code"].str.slice(0, 1).to_numpy()
    weights = table["weight"].to_numpy().astype(float)
    industry = np.zeros(len(staff), dtype=np.int64)
    for letter in letters:
        places = np.flatnonzero(first_letters == letter)
        chosen = section == letter
        industry[chosen] = rng.choice(places, size=chosen.sum(), p=weights[places] / weights[places].sum())
    return section, industry


def _agencies(staff: Floats, rng: np.random.Generator) -> Ints:
    kind = np.zeros(len(staff), dtype=np.int64)
    fit = np.flatnonzero((staff >= 40) & (staff < 900))
    count = min(max(2, round(calibration()["agency_share"] * len(staff))), len(fit))
    chosen = rng.choice(fit, size=count, replace=False)
    kind[chosen] = np.where(np.arange(count) % 3 == 2, AGENCY, DISPATCH)
    return kind


def _families(staff: Floats, kind: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Choose groups of sisters and branches: group number, position among the sisters, parent."""
    numbers = calibration()
    group = np.full(len(staff), -1, dtype=np.int64)
    position = np.zeros(len(staff), dtype=np.int64)
    parent = np.full(len(staff), -1, dtype=np.int64)
    fit = rng.permutation(np.flatnonzero((staff >= 20) & (staff < 1500) & (kind == ORDINARY)))
    left = min(round(numbers["group_share"] * len(staff)), len(fit))
    number = place = 0
    while left - place >= 2:
        size = min(int(rng.integers(2, 5)), left - place)
        members = fit[place : place + size]
        group[members], position[members] = number, np.arange(size)
        number, place = number + 1, place + size
    parents = fit[left : left + round(numbers["branch_share"] * len(staff))]
    small = rng.permutation(np.flatnonzero((staff >= 3) & (staff < 60) & (kind == ORDINARY) & (group < 0)))
    children = small[~np.isin(small, parents)][: len(parents)]
    parent[children] = parents[: len(children)]
    return group, position, parent


def _first_of_group(values: NDArray[Any], group: Ints) -> NDArray[Any]:
    first = np.full(group.max(initial=-1) + 2, len(values) - 1)
    members = np.flatnonzero(group >= 0)[::-1]
    first[group[members]] = members
    return values[first[group]]


def _lives(staff: Floats, kind: Ints, group: Ints, months: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    numbers = calibration()
    birth = np.full(len(staff), -1, dtype=np.int64)
    fit = np.flatnonzero((staff < 30) & (kind == ORDINARY) & (group < 0))
    born = rng.choice(fit, size=min(round(numbers["birth_pct"] / 100 * months * len(staff)), len(fit)), replace=False)
    birth[born] = rng.integers(0, months, size=len(born))
    rates = np.array([*numbers["death_pct"], 0.0]) / 100
    rate = rates[np.digitize(staff, (4.5, 9.5, 29.5))]
    wait = np.floor(np.log(rng.random(len(staff))) / np.log1p(-np.maximum(rate, 1e-9))).astype(np.int64) + 1
    return birth, np.where(rate > 0, np.maximum(birth, 0) + wait, NEVER)


def _units(staff: Floats, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Give a second insured unit to some employers, larger ones more often."""
    weight = np.minimum(staff, 400) * (staff >= 8)
    count = min(round(calibration()["second_unit_share"] * len(staff)), int((weight > 0).sum()))
    doubled = rng.choice(len(staff), size=count, replace=False, p=weight / weight.sum())
    part = rng.uniform(0.1, 0.4, size=count)
    share = np.ones(len(staff))
    share[doubled] = 1 - part
    return np.concatenate([np.arange(len(staff)), doubled]), np.concatenate([share, part])


def _turnover(staff: Floats, rate: Floats, rng: np.random.Generator) -> Floats:
    steps = calibration()["turnover_of_size"]
    factor = np.array(list(steps.values()))[np.digitize(staff, [int(s) for s in steps]) - 1]
    return np.asarray(np.clip(rate * factor * np.exp(rng.normal(0, 0.35, len(staff))), 0.001, 0.06))


def _insured_from(
    established: tuple[date, ...], owner: Ints, first: date, rng: np.random.Generator
) -> tuple[date, ...]:
    """Month from which each unit insures: that of the founding or later, but by ``first`` where that is older."""
    numbers = calibration()
    later = np.floor(rng.exponential(numbers["insured_later_months"], len(owner))).astype(np.int64) + 1
    is_second = np.arange(len(owner)) >= len(established)
    waited = np.where((rng.random(len(owner)) < numbers["insured_at_founding"]) & ~is_second, 0, later)
    months = []
    for place, wait in zip(owner.tolist(), waited.tolist(), strict=True):
        founded = established[place].replace(day=1)
        months.append(max(founded, min(first, add_months(founded, wait))))
    return tuple(months)


def _authorities(county: Ints, county_codes: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    """Division of the authority at registration, which is not always the county of today."""
    old = (*county_codes, "320705")
    other = rng.random(len(county)) < 0.15
    drawn = rng.integers(0, len(old), size=len(county))
    return [old[d] if o else county_codes[c] for c, o, d in zip(county, other, drawn, strict=True)]


def _established(birth: Ints, first: date, rng: np.random.Generator) -> tuple[date, ...]:
    age = (365 * np.minimum(rng.gamma(2.0, 4.0, len(birth)), 40)).astype(int) + 40
    waited = rng.integers(3, 27, size=len(birth))
    made = []
    for month, days, day in zip(birth, age, waited, strict=True):
        if month < 0:
            made.append(first - timedelta(days=int(days)))
        else:
            index = first.year * 12 + first.month - 1 + int(month)
            made.append(date(index // 12, index % 12 + 1, int(day)))
    return tuple(made)
