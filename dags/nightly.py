"""夜间作业 nightly: from the deliveries known at 02:00 to the edition and its mails, one task a stage.

* 时间 when: 每天 02:00（北京时间），不等迟到的数据源; every day, 02:00 Asia/Shanghai, whether or not every feed came
* 读 reads: `inbox/`, `landing/`, 台账 the ledger, `models/`
* 写 writes: `warehouse.duckdb`, `core/`, `editions/`, `published/`, `outbox/`
* 重跑 rerun: 可以，结果相同，邮件不会重复; safe, same result, no mail twice. A later `cutoff` makes the next revision
* 补做 backfill: 可以与夜间作业同时进行，不发邮件; safe beside the night, writes no mail
* 失败时 when it fails: `gate` 关闭：补报后以 `as_of` 和较晚的 `cutoff` 重新触发；
  `wengang withdraw` 或 `wengang override` 后清除 `ingest` 及其后的步骤；
  `alert` 失败：邮件服务器恢复后自动补发；其他：看日志末行，按运行手册处理;
  a closed gate waits for a person (a newer delivery: trigger with `as_of` and a later `cutoff`; after `withdraw` or
  `override`: clear `ingest` and what follows), mails leave when the server is back, else see the log's last line
"""

from airflow.sdk import chain

from pipelines.orchestration import LATER, QUIET, SIGN_OFF, STAGES, approval, house, stage

with house("wengang_nightly", __doc__, cron="0 2 * * *", tier=1, params={"cutoff": LATER, "quiet": QUIET}) as dag:
    steps = [stage(name) for name in STAGES]
    if SIGN_OFF:
        steps.insert(STAGES.index("publish"), approval("sign_off", question="edition", words="核发"))
    chain(*steps)
