"""The planted truth: what was put into the city on purpose. No stage reads it; it judges what the stages found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import FOLDER, calibration, industries
from pipelines.synthetic.clusters import Cluster
from pipelines.synthetic.deliveries import Courier, write_parquet
from pipelines.synthetic.history import History
from pipelines.synthetic.population import NEVER, UNIT_KINDS, Population
from pipelines.synthetic.report_files import Report
from pipelines.synthetic.shocks import KINDS, SIGNALS, Episodes
from pipelines.synthetic.trade import Trade

README = FOLDER / "truth.md"


def write_truth(
    folder: Path,
    *,
    trade: Trade,
    history: History,
    courier: Courier,
    reports: list[Report],
    clusters: Sequence[Cluster],
) -> None:
    """Write every table of the truth, and what they mean, under ``folder``."""
    population, diary, episodes = history.population, history.diary, history.episodes
    path = calibration()["us_path"]
    write_parquet(
        folder,
        [
            ("enterprises", _enterprises(population, trade)),
            ("units", _units(population)),
            ("episodes", _episodes(population, episodes)),
            ("events", pl.DataFrame(diary.events, schema_overrides={"persons": pl.Int64}, infer_schema_length=None)),
            ("transfers", pl.DataFrame(diary.transfers, infer_schema_length=None)),
            ("quiet_ends", pl.DataFrame(diary.ends, infer_schema_length=None)),
            ("notices", _notices(population, reports)),
            ("us_path", pl.DataFrame({"month": list(path), "level": list(path.values())})),
            ("clusters", _clusters(population, clusters)),
            ("file_errors", pl.DataFrame(courier.planted, infer_schema_length=None)),
        ],
    )
    (folder / "README.md").write_bytes(README.read_bytes())


def _enterprises(population: Population, trade: Trade) -> pl.DataFrame:
    parents = [population.uscc[p] if p >= 0 else None for p in population.parent]
    return pl.DataFrame(
        {
            "uscc": population.uscc,
            "name": population.name,
            "county_code": [population.county_codes[c] for c in population.county],
            "industry_code": industries()["code"].gather(population.industry),
            "wanted_staff": population.staff,
            "kind": [UNIT_KINDS[k] for k in population.kind],
            "group": population.group,
            "parent_uscc": parents,
            "birth_month_no": population.birth,
            "end_month_no": np.where(population.death >= NEVER, -1, population.death),
            "in_register": population.registered,
            "exports": trade.customs_of >= 0,
            "us_share": trade.us_share,
        }
    )


def _units(population: Population) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "unit_no": population.unit_no,
            "uscc": [population.uscc[o] for o in population.owner],
            "share_of_staff": population.unit_share,
            "linked": population.linked,
            "name_only": population.name_only,
            "written_as": population.written,
            "written_how": population.spoilt,
        }
    )


def _episodes(population: Population, episodes: Episodes) -> pl.DataFrame:
    signs = {f"shows_{name}": episodes.signals[:, number] for number, name in enumerate(SIGNALS)}
    return pl.DataFrame(
        {
            "uscc": [population.uscc[e] for e in episodes.enterprise],
            "event_month_no": episodes.event,
            "kind": [KINDS[k] for k in episodes.kind],
            "sudden": episodes.sudden,
            "recovers": episodes.recovers,
            "closes": episodes.closes,
            "share": episodes.share,
            "force": episodes.force,
            "defers": episodes.defers,
            **signs,
        }
    )


def _clusters(population: Population, clusters: Sequence[Cluster]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (number, cluster.county_code, cluster.industry_division, cluster.first, population.uscc[member])
            for number, cluster in enumerate(clusters)
            for member in cluster.members
        ],
        schema={
            "cluster_no": pl.Int64,
            "county_code": pl.String,
            "industry_division": pl.String,
            "first_month_no": pl.Int64,
            "uscc": pl.String,
        },
        orient="row",
    )


def _notices(population: Population, reports: list[Report]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (r.number, population.uscc[r.place], r.episode, r.reported_on, r.starts_on, r.cut, r.ends_as)
            for r in reports
        ],
        schema={
            "notice_no": pl.String,
            "uscc": pl.String,
            "episode": pl.Int64,
            "reported_on": pl.Date,
            "starts_on": pl.Date,
            "cut_persons": pl.Int64,
            "ends_as": pl.String,
        },
        orient="row",
    )
