"""How to read an edition, in sentences: what the colours are, what the score is not, how the data are dated.

The lines of the colours are not repeated here in numbers; the sheet of parameters gives each with its provenance.
"""

from pipelines import formats
from pipelines.stages.report.content import Content


def explanation(content: Content) -> list[tuple[str, str]]:
    """Subject and sentence, in the order of reading."""
    items = [
        ("用途和密级", f"{formats.CONFIDENTIAL}{formats.PURPOSE}。不得提供给金融、征信机构，不得对外公布企业名单。"),
        (
            "等级颜色",
            "红、橙、黄由已经观察到的事实触发：单月净减员、停保或注销、已报送裁减人员方案；蓝色由多个维度同时出现的"
            f"风险信号触发。{_predicted(content)}各级的线和出处见名单工作簿的“参数”表；多数为项目默认口径，不是本市官方标准，"
            "由本局确认后可调整。",
        ),
        (
            "风险分",
            "0至100分，按公开规则逐项加分、减分；不是裁员概率，也不预计减员人数。"
            "“主要原因”写明数字、所属期和来源，“缓释因素”写明相反的情况。",
        ),
        (
            "列入数量",
            "红色、橙色和已报送裁减人员方案的企业一律列入；黄色、蓝色的新增数量受各县区每月走访能力限制，"
            "超出的列在“未列入说明”，不会无声删去。",
        ),
        (
            "升降和解除",
            "参保数据按月到达，等级只随新的参保月份下调；连续未触发达到规定月数后提请解除，由人工确认。"
            "“连续预警月数”按参保月份计，不按期次计。",
        ),
        (
            "数据口径",
            "“较上年同期”在春节前后按距春节相同月份比较，其余按上年同月比较。“净减少人数”已扣除春节因素能够解释的部分。"
            "已批准缓缴的社会保险费不算欠费。缺失的数据写明缺失，不按零处理。",
        ),
        ("数据时点", _dating(content)),
        ("打印", "名单只打印前15列（至反馈时限）；触发条件等其余各列为证据，请在屏幕上查看。"),
        ("误报反馈", "核实后不属实的，请在走访跟进表“是否误报”一栏写明原因并报市局，下期计入处置状态。"),
        ("比较基准", f"{content.comparison}。"),
        ("评分模型", _model(content)),
    ]
    if content.edition["is_simulated"]:
        items.insert(
            0, (formats.SIMULATED, "本期全部企业、人数和事件均由程序生成，与任何真实企业无关，不得用于实际工作。")
        )
    return items


def _predicted(content: Content) -> str:
    if content.model["forecast_label"] is None:
        return ""
    return "学习模型启用期间，预测的可能性和预计减员同时达到预测线的，也按相应等级列入，触发条件注明“预测”。"


def _model(content: Content) -> str:
    model = content.model
    parts = [f"当期评分：{model['model_label']}（编号 {model['model_id']}）。"]
    if model["model_note"]:
        parts.append(f"{model['model_note']}。")
    for name, value in (("训练数据", model["model_trained_text"]), ("检验结果", model["model_measure_text"])):
        if value:
            parts.append(f"{name}：{value}。")
    if model["model_warning"]:
        parts.append(model["model_warning"])
    return "".join(parts)


def _dating(content: Content) -> str:
    lagged = [s["feed_label"] for s in content.sources if s["dated_by"] in ("lag", "mixed")]
    text = f"只使用 {formats.instant(content.edition['cutoff'])} 之前已获知的数据，获知时间以文件到达时间为准。"
    if lagged:
        text += f"下列来源含批量补录的历史数据，按所属期末加约定滞后天数推定获知时间：{'、'.join(lagged)}。"
    return text
