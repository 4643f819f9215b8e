"""接收 ingest: what each department has delivered or keeps for us, one task a feed, half an hour before the night.

* 时间 when: 每天 01:30（北京时间）; every day, 01:30 Asia/Shanghai
* 读 reads: `inbox/<数据源>/`, 各单位的服务器 servers of departments (`[sources]` in wengang.toml)
* 写 writes: `landing/`, 台账 the ledger
* 重跑 rerun: 可以，不会重复接收; safe, nothing is landed twice
* 失败时 when it fails: 只影响该数据源，夜间作业照常运行。看日志中的拒收原因，通知报送单位改正后重新报送;
  that feed alone; the night is a DAG of its own and runs all the same. Tell the department the reason in the log.
  数据源连不上会自动再试一小时；被拒绝（账号、主机公钥、设置）需人工处理，原因见 `wengang sources`;
  a source that is down is tried again for an hour; one that refuses us wants a person: `wengang sources` says why
* 跳过 skipped: 该数据源没有新文件（Airflow 显示为粉色）; nothing new of that feed (pink in Airflow)
"""

from pipelines.orchestration import LATER, fetch_each_feed, house

with house("wengang_ingest", __doc__, cron="30 1 * * *", tier=2, params={"cutoff": LATER}) as dag:
    fetch_each_feed()
