"""The night: one task a stage, in order, on the host that holds the warehouse."""

from airflow.sdk import DAG, CronPartitionTimetable, Param, chain

from pipelines.orchestration import POOL, STAGES, stage

with DAG(
    dag_id="wengang_nightly",
    schedule=CronPartitionTimetable("0 2 * * *", timezone="Asia/Shanghai", key_format="%Y-%m-%d"),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "wengang", "pool": POOL, "retries": 2},
    params={"as_of": Param(None, type=["null", "string"], format="date", description="Business date of a manual run")},
    tags=["wengang", "tier-1"],
    doc_md=__doc__,
) as dag:
    chain(*[stage(name)() for name in STAGES])
