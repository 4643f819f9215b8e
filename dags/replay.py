"""重放 replay: an old edition rebuilt as it was known then, and compared byte for byte.

* 时间 when: 仅手动触发，填写 as_of; by hand only (Trigger, in the pages of Airflow), with as_of
* 读 reads: `landing/`, `editions/`, `published/`, `models/`, 台账 the ledger
* 写 writes: 无（在临时目录中进行）; nothing (a temporary folder)
* 重跑 rerun: 可以，可与夜间作业同时进行; safe, also beside the night
* 失败时 when it fails: 日志列出不一致的文件；先确认程序版本与当时相同;
  the log names what differs; first ask whether it was the same code
"""

from pipelines.orchestration import READER, deed, house

with house("wengang_replay", __doc__, cron=None, tier=3) as dag:
    deed("replay", words="重放", pool=READER)
