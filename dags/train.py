"""学习 train: a challenger taught by what past nights saw and what became of the enterprises.

* 时间 when: 每月 16 日 10:00（北京时间）; the 16th of each month, 10:00 Asia/Shanghai
* 读 reads: `landing/`, 台账 the ledger
* 写 writes: `models/<编号>/`, 台账 the ledger
* 启用 promotion: `WENGANG_PROMOTION=person`（默认，由人批准）、`rule`（优于全部简单排序即启用）、`off`（只学习）;
  by a person (default), by the rule, or not at all. A model that beats no simple ranking is never put in charge
* 重跑 rerun: 可以; safe
* 失败时 when it fails: 现用模型继续领先，不影响夜间作业; the model in charge stays, the nights go on
"""

from airflow.sdk import chain

from pipelines.orchestration import PROMOTION, READER, approval, deed, house

with house("wengang_train", __doc__, cron="0 10 16 * *", tier=3) as dag:
    steps = [deed("teach", words="学习", pool=READER)]
    if PROMOTION == "person":
        steps.append(approval("approve", question="model", words="批准启用"))
    if PROMOTION in ("person", "rule"):
        steps.append(deed("promote", words="启用", pool=READER))
    chain(*steps)
