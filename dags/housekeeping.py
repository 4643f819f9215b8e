"""保养 housekeeping: retention, compaction, backup, and once a month the drill that restores it.

* 时间 when: 每天 12:00（北京时间）; every day, 12:00 Asia/Shanghai
* 读 reads: 全部 all of the home
* 写 writes: 备份目录 the backup folder (`[backup]` in wengang.toml), `warehouse.duckdb`, `logs/`, `outbox/`
* 重跑 rerun: 可以; safe
* 失败时 when it fails: 检查备份目录是否已挂载、空间是否足够；恢复演练不一致时立即联系维护人员，不要删除旧备份;
  look at the mount and its space; a drill that differs wants the maintainer at once, keep every old backup
"""

from airflow.sdk import chain

from pipelines.orchestration import READER, deed, house

with house("wengang_housekeeping", __doc__, cron="0 12 * * *", tier=2) as dag:
    chain(
        deed("tidy", words="清理"),
        deed("backup", words="备份", pool=READER),
        deed("drill", words="恢复演练", pool=READER),
    )
