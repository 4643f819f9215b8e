"""Theme 用工: persons who moved together to one other enterprise; a group moving its people is no layoff.

A move counts as a transfer where one enterprise took at least the share in the parameter of all who left. Until the
moves of a month are known, nothing is taken off its loss.
"""

from collections.abc import Mapping

import numpy as np

from pipelines.stages.features.masked import Masked, at, empty, full_window, quotient
from pipelines.stages.features.panel import Definitions, Flows, Insurance

SPAN = 3


def features(flows: Flows | None, insurance: Insurance, month: int, *, reached: int, count: int) -> dict[str, Masked]:
    """Persons who left in ``month`` (ordinal), and in three months, for one and the same enterprise; and their share.

    The share is of all leavers; moves are known up to the month ``reached``.
    """
    t = month - insurance.first
    result = {}
    for months in (1, SPAN):
        together = _together(flows, month, months=months, reached=reached, count=count)
        leavers = full_window(insurance.columns["leavers_persons"], t, count=months)
        result[f"together_{months}m_persons"] = together
        result[f"together_{months}m_ratio"] = quotient(together.values, leavers.values, together.valid & leavers.valid)
    return result


def net_loss(
    values: Mapping[str, Masked], insurance: Insurance, t: int, *, definitions: Definitions
) -> dict[str, Masked]:
    """Losses without transfers, from the features of employment and the moves above, for the origin at row ``t``.

    Who is absent this month has no leavers on record: those who left are the staff of its last month with a row.
    """
    gross, before = values["gross_loss_persons"], values["previous_insured_persons"]
    last, absent = values["last_insured_persons"], values["absent_months"]
    leavers = at(insurance.columns["leavers_persons"], t)
    left = np.where(leavers.valid, leavers.values, gross.values)
    transfer = _transfer(values["together_1m_persons"], Masked(left, gross.valid), definitions)
    net = np.maximum(gross.values - transfer.values, 0)
    gone = absent.valid & (absent.values > 0) & last.valid
    quarter = values["leavers_3m_persons"]
    left_3m = Masked(np.where(gone, last.values, quarter.values), gone | quarter.valid)
    moved = _transfer(values["together_3m_persons"], left_3m, definitions)
    return {
        "transfer_persons": transfer,
        "transfer_3m_persons": moved,
        "net_loss_persons": Masked(np.where(gross.valid, net, 0), gross.valid),
        "net_loss_ratio": quotient(net, before.values, gross.valid & before.valid),
        "absent_loss_persons": Masked(np.where(gone, np.maximum(last.values - moved.values, 0), 0), gone),
    }


def _transfer(together: Masked, left: Masked, definitions: Definitions) -> Masked:
    """``together`` where it is the parameter's share of those who left, and enough persons; 0 where it is not."""
    valid = together.valid & left.valid
    enough = together.values >= definitions.transfer_minimum_persons
    share = together.values * 100 >= left.values * definitions.transfer_share_pct
    return Masked(np.where(valid & enough & share, together.values, 0), valid)


def _together(flows: Flows | None, month: int, *, months: int, reached: int, count: int) -> Masked:
    """Most persons that any one enterprise took from each within the ``months`` months ending with ``month``."""
    window = range(month - months + 1, month + 1)
    if flows is None or month > reached or not all(covered in flows.covered for covered in window):
        return empty(count, dtype=np.int64)
    rows = np.flatnonzero((flows.month >= window.start) & (flows.month < window.stop))
    order = rows[np.lexsort((flows.to[rows], flows.place[rows]))]
    place, to = flows.place[order], flows.to[order]
    most = np.zeros(count, dtype=np.int64)
    if len(order):
        starts = np.flatnonzero(np.append(True, (place[1:] != place[:-1]) | (to[1:] != to[:-1])))
        np.maximum.at(most, place[starts], np.add.reduceat(flows.persons[order], starts))
    return Masked(most, np.ones(count, dtype=np.bool_))
