"""Which type of event a word means, and whether it is on, however it is written. Pure.

Used by ingest and by `firetower evaluate`, which find the same fire in the same word.
"""

import unicodedata
from typing import Final

from services.core.contracts import EventType

SWITCH: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
TYPE_LIMIT: Final = 100  # characters of a type
_KNOWN: Final = {str(one): str(one) for one in EventType}
_CHINESE: Final = {
    "火警": EventType.FIRE, "手动报警": EventType.MANUAL_ALARM, "预警": EventType.PREALARM, "故障": EventType.FAULT,
    "屏蔽": EventType.DISABLED, "监管": EventType.SUPERVISORY, "防拆": EventType.TAMPER,
    "主电故障": EventType.MAINS_FAULT, "备电故障": EventType.BATTERY_FAULT, "电源故障": EventType.POWER_FAULT,
    "总线故障": EventType.BUS_FAULT, "通信故障": EventType.LINK_FAULT, "线路故障": EventType.LINE_FAULT,
    "故障电弧": EventType.ARC_FAULT, "启动": EventType.STARTED, "反馈": EventType.FEEDBACK, "延时": EventType.DELAY,
    "消音": EventType.SILENCE, "测试": EventType.TEST, "查岗应答": EventType.GUARD_REPLY, "操作": EventType.OPERATION,
    "复位": EventType.RESET,
}  # fmt: skip
_MEANT: Final = _KNOWN | {word: str(kind) for word, kind in _CHINESE.items()}


def known_type(text: str) -> str | None:
    """Return the type that is meant (`Manual Alarm`, `手动报警`, full-width letters, a NUL behind them), or None."""
    if text in _KNOWN:
        return text
    if len(text) > TYPE_LIMIT:
        return None
    visible = "".join(
        one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in ("Cc", "Cf")
    )
    word = "_".join(visible.lower().replace("-", " ").replace("_", " ").split())
    return _MEANT.get(word)
