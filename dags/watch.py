"""值守 watch: is the edition out, do the feeds come, do the mails leave; what is wrong is mailed once.

* 时间 when: 每小时 31 分，06:31 起检查当日期次; hourly at :31, from 06:31 on whether the edition is out
* 读 reads: 台账 the ledger, `published/current.duckdb`, 磁盘 the disk
* 写 writes: `outbox/`, `status/`, 台账 the ledger
* 重跑 rerun: 可以，同一问题每天只提醒一次; safe, one mail a day for one fault
* 失败时 when it fails: 系统之外的定时器（`wengang doctor --edition-by 06:30`）仍会提醒;
  the timer outside Airflow still tells
"""

from airflow.sdk import chain

from pipelines.orchestration import READER, deed, house

with house("wengang_watch", __doc__, cron="31 * * * *", tier=2) as dag:
    chain(
        deed("watch", words="值守", pool=READER),
        deed("status", words="状态页", pool=READER),
    )
