"""The months of the city, one after another: who joins, who leaves, what is due and what is paid.

One month is kept in memory at a time. Money is integer fen, people are integers. Events are recorded as they happen,
apart from the columns that departments deliver.
"""

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np

from pipelines.parameters import Parameters
from pipelines.synthetic.calibration import add_months, calibration, stream
from pipelines.synthetic.months import INSURANCES, Diary, Month, Move
from pipelines.synthetic.population import ORDINARY, Flags, Floats, Ints, Population
from pipelines.synthetic.shocks import BEFORE, KINDS, PATTERNS, Episodes, Pressure, Transfer, pressure


class History:
    """Plays the months of a population under its episodes; iterate once."""

    def __init__(
        self,
        population: Population,
        episodes: Episodes,
        transfers: list[Transfer],
        *,
        first: date,
        months: int,
        seed: int,
        parameters: Parameters,
    ) -> None:
        """Set the city on the eve of its first month."""
        self.population, self.episodes, self.transfers = population, episodes, transfers
        self.first, self.months = first, months
        self.festivals: list[date] = parameters["spring_festival"]
        self.early_day: int = parameters["festival_early_day"]
        self.rng = stream(seed, "history")
        self.diary = Diary()
        owner = population.owner
        self.wanted: Floats = population.staff[owner] * population.unit_share
        self.insured = np.where(population.birth[owner] < 0, np.maximum(np.round(self.wanted), 1), 0).astype(np.int64)
        self.began = population.birth[owner] < 0
        self.born = np.zeros(population.units, dtype=bool)
        self.closed = np.zeros(population.enterprises, dtype=bool)
        self.gone = np.zeros(population.units, dtype=bool)
        self.away = [np.zeros(population.units, dtype=np.int64) for _ in calibration()["festival"]["returns"]]
        self.before_cut = np.zeros(population.units, dtype=np.int64)
        self.cut_share = np.zeros(population.enterprises)
        self.late = np.zeros(population.enterprises, dtype=np.int64)
        self.arriving: list[tuple[int, int, int]] = []

    def __iter__(self) -> Iterator[Month]:
        """Yield the months in order, after a short time in which the city settles."""
        for number in range(-BEFORE, self.months):
            month = self._play(number)
            if number >= 0:
                yield month

    def _play(self, number: int) -> Month:
        people = self.population
        owner, month = people.owner, add_months(self.first, number)
        weight = pressure(self.episodes, number, enterprises=people.enterprises, first=self.first)
        start = self.insured.copy()
        self._drift(number, owner)
        cut = self._cuts(number, start)
        moved_out, moved_in = self._moves(number, start - cut)
        self._quiet_ends(number, start)
        ended = self.closed[owner]
        free = np.where(ended, 0, start - cut - moved_out)
        festive = self.rng.binomial(free, np.clip(people.festival[owner] * self._festival_share(month), 0, 0.5))
        free = free - festive
        natural = self.rng.binomial(free, np.clip(people.turnover[owner] * weight.attrition[owner], 0, 0.5))
        leavers = np.where(ended & ~self._still_cutting(number)[owner], start, cut + moved_out + festive + natural)
        leavers = np.minimum(leavers, start)
        hires = self._hires(month, owner, start, weight.hiring) * ~ended
        joiners = hires + (self._returns(festive) + moved_in) * ~ended
        self.insured = start + joiners - leavers
        high = self.rng.binomial(leavers, np.clip(weight.high_base[owner], 0, 0.9))
        seen = self.began & ~self.gone
        self.gone |= ended & (self.insured == 0)
        alive = ~self.closed & (people.birth <= number)
        flows = {"joiners": joiners, "leavers": leavers, "high_base_leavers": high}
        flows |= {"cut": np.minimum(cut, leavers), "moved_out": moved_out, "moved_in": moved_in}
        return self._money(number, month, weight, flows, seen, alive)

    def _drift(self, number: int, owner: Ints) -> None:
        people, numbers = self.population, calibration()
        self.wanted = self.wanted * np.exp(self.rng.normal(0, numbers["drift_sd"], people.enterprises))[owner]
        swing = numbers["agency_swing"]
        agencies = people.kind != ORDINARY
        swings = agencies & (self.rng.random(people.enterprises) < swing["share"])
        factor = np.where(swings, self.rng.uniform(swing["low"], swing["high"], people.enterprises), 1.0)
        ceiling = people.staff[owner] * people.unit_share * np.where(agencies[owner], 2.0, 50.0)
        self.wanted = np.minimum(self.wanted * factor[owner], ceiling)
        self.born = (people.birth[owner] == number) & (number >= 0)
        self.began |= self.born

    def _still_cutting(self, number: int) -> Flags:
        cutting = np.zeros(self.population.enterprises, dtype=bool)
        since = number - self.episodes.event
        chosen = self.episodes.real & (since >= 0) & (since <= 2)
        last = np.array([2 if p[2] else 1 if p[1] else 0 for p in PATTERNS])[self.episodes.pattern]
        cutting[self.episodes.enterprise[chosen & (since < last)]] = True
        return cutting

    def _cuts(self, number: int, start: Ints) -> Ints:
        """Persons cut this month by unit; an event is written down in the month in which it begins."""
        episodes, people = self.episodes, self.population
        staff = people.of_units(start)
        fraction = np.zeros(people.enterprises)
        for step in range(PATTERNS.shape[1]):
            chosen = np.flatnonzero(episodes.real & (episodes.event == number - step))
            if step == 0:
                self._begin(number, chosen, staff, start)
            places = episodes.enterprise[chosen]
            fraction[places] = self.cut_share[places] * PATTERNS[episodes.pattern[chosen], step]
        wanted = np.round(self.before_cut * fraction[people.owner]).astype(np.int64)
        closing = self.closed[people.owner] & (fraction[people.owner] > 0)
        last = closing & ~self._still_cutting(number)[people.owner]
        return np.minimum(np.where(last, start, wanted), start)

    def _begin(self, number: int, chosen: Ints, staff: Ints, start: Ints) -> None:
        episodes, people = self.episodes, self.population
        places = episodes.enterprise[chosen]
        people_now = np.maximum(staff[places], 1)
        self.cut_share[places] = episodes.part(chosen, people_now)
        touched = np.isin(people.owner, places)
        self.before_cut = np.where(touched, start, self.before_cut)
        self.wanted = np.where(touched, self.wanted * (1 - self.cut_share[people.owner]), self.wanted)
        self.closed[places[episodes.closes[chosen]]] = True
        for episode, place, persons in zip(chosen, places, staff[places], strict=True):
            if number >= 0 and persons > 0:
                self.diary.events.append(
                    {
                        "uscc": people.uscc[place],
                        "month": add_months(self.first, number),
                        "cause": KINDS[episodes.kind[episode]],
                        "warning": "sudden" if episodes.sudden[episode] else "warned",
                        "closes": bool(episodes.closes[episode]),
                        "staff_before": int(persons),
                        "persons": round(float(self.cut_share[place]) * int(persons)),
                        "months_of_cut": int((PATTERNS[episodes.pattern[episode]] > 0).sum()),
                        "notice": bool(episodes.notice[episode]),
                    }
                )

    def _moves(self, number: int, left: Ints) -> tuple[Ints, Ints]:
        people = self.population
        out = np.zeros(people.units, dtype=np.int64)
        into = np.zeros(people.units, dtype=np.int64)
        for due, unit, persons in self.arriving:
            into[unit] += persons if due == number else 0
        self.arriving = [entry for entry in self.arriving if entry[0] > number]
        for transfer in self.transfers:
            if transfer.month != number or self.closed[transfer.source] or self.closed[transfer.target]:
                continue
            units = np.flatnonzero(people.owner == transfer.source)
            out[units] = np.floor(left[units] * transfer.share).astype(np.int64)
            persons, unit = int(out[units].sum()), transfer.target
            here = persons - (round(persons * 0.25) if transfer.late else 0)
            into[unit] += here
            self.arriving.append((number + 1, unit, persons - here))
            self._note_moves(number, units, unit, out, persons - here)
            self.wanted[unit] += persons
            self.wanted[units] *= 1 - transfer.share
            self.diary.transfers.append(
                {
                    "month": add_months(self.first, number),
                    "from_uscc": people.uscc[transfer.source],
                    "to_uscc": people.uscc[transfer.target],
                    "from_unit_no": people.unit_no[transfer.source],
                    "to_unit_no": people.unit_no[unit],
                    "persons": persons,
                    "share": transfer.share,
                    "late": transfer.late,
                }
            )
            self.closed[transfer.source] = transfer.share == 1.0
        return out, into

    def _note_moves(self, number: int, units: Ints, target: int, out: Ints, later: int) -> None:
        """Write down who moved from each of ``units``; the last of them are those who arrive ``later``."""
        for unit in units[out[units] > 0].tolist():
            persons = int(out[unit])
            waiting = min(later, persons)
            later -= waiting
            self.diary.moves.append(Move(number, unit, target, persons, waiting))

    def _quiet_ends(self, number: int, start: Ints) -> None:
        ending = (self.population.death == number) & ~self.closed
        self.closed |= ending
        staff = self.population.of_units(start)
        self.diary.ends += [
            {"uscc": self.population.uscc[place], "month": add_months(self.first, number), "persons": int(staff[place])}
            for place in np.flatnonzero(ending)
            if number >= 0
        ]

    def _festival_share(self, month: date) -> float:
        """Part of an industry's festival leavers who go in ``month``."""
        numbers, share = calibration()["festival"], 0.0
        following = add_months(month, 1)
        for day in self.festivals:
            early = day.day <= self.early_day
            if (day.year, day.month) == (month.year, month.month):
                share += numbers["own_early"] if early else numbers["own"]
            elif early and (day.year, day.month) == (following.year, following.month):
                share += numbers["before_early"]
        return share

    def _returns(self, festive: Ints) -> Ints:
        """Who comes back from the festival this month; those who left now wait for the next."""
        numbers = calibration()["festival"]
        back = [self.rng.binomial(waiting, share) for waiting, share in zip(self.away, numbers["returns"], strict=True)]
        leaving_for_good = self.rng.binomial(festive, numbers["no_return"])
        self.away = [festive - leaving_for_good, self.away[0] - back[0]]
        return np.asarray(np.sum(back, axis=0), dtype=np.int64)

    def _hires(self, month: date, owner: Ints, start: Ints, hiring: Floats) -> Ints:
        people = self.population
        season = 1 + people.season[owner] * np.cos(2 * np.pi * (month.month - 9) / 12)
        pull = np.where(people.kind[owner] == ORDINARY, calibration()["pull"], 0.5)
        present = start + sum(self.away)
        gap = self.wanted * season - present
        expected = people.turnover[owner] * self.wanted + pull * gap
        founders = np.where(self.born, np.maximum(np.round(self.wanted * 0.5), 1), 0)
        return np.asarray(
            self.rng.poisson(np.clip(expected, 0, None) * hiring[owner] * self.began) + founders, dtype=np.int64
        )

    def _money(
        self, number: int, month: date, weight: Pressure, flows: Mapping[str, Ints], seen: Flags, alive: Flags
    ) -> Month:
        people, numbers = self.population, calibration()
        owner, count = people.owner, people.enterprises
        growth = (1 + numbers["base_growth_pct"] / 100) ** (month.year - 2025 + (month.month >= 7))
        low, high = (bound * growth for bound in numbers["base_bounds_yuan"])
        each = np.clip(people.base_yuan * growth * weight.base * self.rng.normal(1, 0.006, count), low, high)
        base = np.round(self.insured * each[owner] * 100).astype(np.int64)
        injury = np.array([numbers["injury_pct"].get(s, numbers["injury_pct"]["default"]) for s in people.section])
        due = {
            "pension": base * numbers["pension_pct"] // 100,
            "unemployment": base * numbers["unemployment_pct"] // 100,
            "injury": base * np.round(injury[owner] * 100).astype(np.int64) // 10_000,
        }
        part = {
            "pension": numbers["pension_employer_pct"] / numbers["pension_pct"],
            "unemployment": numbers["unemployment_employer_pct"] / numbers["unemployment_pct"],
            "injury": 1.0,
        }
        defers = weight.deferral[owner]
        deferred = {k: np.where(defers, np.round(due[k] * part[k]), 0).astype(np.int64) for k in INSURANCES}
        owed = self._owed(weight)[owner]
        paid = {k: due[k] - deferred[k] - np.round((due[k] - deferred[k]) * owed).astype(np.int64) for k in INSURANCES}
        return Month(
            number=number,
            month=month,
            insured=self.insured.copy(),
            base_fen=base,
            due=due,
            paid=paid,
            deferred=deferred,
            seen=seen,
            alive=alive,
            weight=weight,
            **flows,
        )

    def _owed(self, weight: Pressure) -> Floats:
        """Part of what is due that each employer leaves unpaid: distress, or forgetfulness among the small."""
        people = self.population
        chance = np.where(people.staff < 50, 0.006, 0.0015)
        starts = (self.late == 0) & (self.rng.random(people.enterprises) < chance)
        self.late = np.where(starts, self.rng.integers(1, 4, people.enterprises), np.maximum(self.late - 1, 0))
        distress = np.where(weight.arrears > 0, np.clip(weight.arrears * 1.2, 0, 1), 0.0)
        return np.where(self.late > 0, 1.0, np.round(distress, 2))
