"""A model for the tests: taught by one night of a small city, with an outcome made up from it, and put in charge."""

import polars as pl
from nights import FIRST, SECOND

from models import drift, registry, train
from models.train import Task
from models.variants import VARIANTS
from pipelines import contracts as contract_files
from pipelines import inputs, learning
from pipelines import parameters as parameter_files
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.panel_scoring import settings_of
from pipelines.warehouse import Warehouse

TASK = Task(label="listed", horizon=3, minimum_insured=10)


def promote_a_model(means: Means) -> str:
    """Teach a model by what the night of ``FIRST`` saw; it leads from ``SECOND`` on. Gives its name."""
    contracts, parameters = contract_files.load(), parameter_files.load(FIRST)
    warehouse = Warehouse(means.home.warehouse, contracts=contracts)
    frame = inputs.read(warehouse).filter(pl.col("insured_persons") > 0)
    warehouse.close()
    event = frame["insured_volatility_12m_ratio"].fill_null(0.0) > 0.05
    rows = frame.with_columns(
        origin=pl.col("reference_month"),
        listed_3m_known=pl.lit(value=True),
        listed_3m_event=event,
        lost_3m_persons=(pl.col("insured_persons") * event).cast(pl.Int64),
    )
    design = learning.design_of(contracts)
    model = train.fit_variant(rows, VARIANTS[0], task=TASK, design=design, settings=settings_of(parameters))
    names = model.design.names
    facts = registry.Facts(
        label=TASK.label,
        horizon_months=TASK.horizon,
        minimum_insured=TASK.minimum_insured,
        features=tuple((name, model.design.themes[name]) for name in names),
        columns=tuple(
            dict.fromkeys(
                [
                    *(name for name in names if name in frame.columns),
                    *("season", "industry_division", "industry_code", "county_code", "insured_persons"),
                ]
            )
        ),
        trained_on=("2026-09",),
        data_hash="d",
        code_hash="c",
        parameters_hash="p",
        words={"model_label": "学习模型", "model_note": "说明", "forecast_label": "未来3个月达到法定报告线"},
    )
    values = model.values(rows)
    model_id, digest = registry.write(
        means.home.models,
        model,
        facts,
        card="# 卡片",
        reference=drift.reference(names, values, model.log_odds(values)),
        probe=rows,
    )
    Ledger(means.home.ledger).promote(model_id, digest=digest, since=SECOND, at=means.now, reason="测试")
    return model_id
