"""What kind of thing a report came from: by GB/T 26875.3-2011 table 5, else by the words used.

Used by `events`. A fire report with a component counts as a detector unless code or words say otherwise: real
panels leave codes out or use reserved ones, and a detector taken for a panel could never confirm a fire.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from services.core.words import Part

_SPRINKLER_SYSTEMS: Final = frozenset({12, 14, 15, 16})  # table 4: sprinkler, water spray, foam

_BY_CODE: Final = {
    **dict.fromkeys((1, 16, 22, 81, 82, 83), Part.PANEL),  # controllers, displays, graphic station
    **dict.fromkeys((10, 11, 12, 13, 17, 18, 25, 74, 78, 79), Part.DETECTOR),  # gas, electrical, unspecified, video
    **dict.fromkeys((*range(30, 38), *range(40, 45), *range(50, 54), 61, 62, 69), Part.DETECTOR),
    23: Part.CALL_POINT,
    24: Part.DETECTOR,  # a hydrant button is pressed to start a pump: a witness, but no call to the brigade
    **dict.fromkeys((95, 96, 98, 99), Part.WATER_FLOW),  # spray pump, flow indicator, alarm valve, pressure switch
    # a loop, modules, pumps, valves, doors, fans, sounders: real parts, but no witnesses
    **dict.fromkeys((21, *range(84, 89), 91, 92, 97, *range(101, 107), 111, *range(113, 119), 121), Part.OTHER),
}
"""Component types of table 5. Type 0 (general), reserved and user-defined ones are judged by their words."""

_BY_WORDS: Final = (
    # what is named first wins: "喷淋泵房烟感" is a smoke detector in a pump room
    (Part.DETECTOR, re.compile(r"烟感|温感|感烟|感温|感光|探测器|火焰|smoke|heat|flame|detector", re.IGNORECASE)),
    (
        Part.CALL_POINT,
        re.compile(r"手报|手动.{0,4}报警|call[ _-]?point|\bmcp\b|manual[ _-]?(?:call|station)", re.IGNORECASE),
    ),
    (
        Part.WATER_FLOW,
        re.compile(r"水流|喷淋|压力开关|报警阀|water[ _-]?flow|flow[ _-]?switch|sprinkler", re.IGNORECASE),
    ),
    (Part.PANEL, re.compile(r"(控制器|主机|显示盘|传输装置|传输设备|系统)", re.IGNORECASE)),
    (Part.PANEL, re.compile(r"\b(panel|controller|facp|system|sys|transmitter|utd)(?:\b|[_\d])", re.IGNORECASE)),
)

_ADDRESS: Final = re.compile(r"回路|(?<![a-z])(?:loop|device|point|node|address)(?![a-z])", re.IGNORECASE)
_TRANSMITTER: Final = re.compile(r"transmitter|utd|传输装置|传输设备", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d+")
_NUMBER_OR_STATE: Final = re.compile(
    r"(?:柜|面板)?[\W_]*+\d*+[号#]?(?:[\W_]|火警|报警|告警|故障|动作|启动|复位|fire|alarm|fault)*", re.IGNORECASE
)
# directly before it: "靠近楼梯手动报警按钮" is a call point near the stairs
_NEAR_BEFORE: Final = re.compile(
    r"(?:(?:靠近|临近|邻近|紧邻|毗邻|挨着|距离?)[\d号#]*"
    r"|\b(?:next to|near|beside|by the|opposite|behind|above|below|under|adjacent to|close to|in front of"
    r"|left of|right of|across from)\s+(?:the\s+|a\s+)?(?:(?:manual|main|fire|alarm|red)\s+)?)$",
    re.IGNORECASE,
)
# A side of it ("手动报警按钮右侧", "手报下面") may as well be where the call point itself is, and so may what only
# begins like such a word ("旁门", "边厅"). In doubt it is the call point: no person's alarm waits.
_NEAR_BEHIND: Final = re.compile(
    r"(?:按钮|按键|开关|装置|指示器|箱|头|泵|器)?[\d号#]*"
    r"(?:旁(?![门厅])|附近|周边|边(?=[上的\W_]|$)|对面)"
)
# a sprinkler pump's room; but what starts in it is the pump
_ROOM: Final = re.compile(r"[^\s，,。；;、]{0,2}[房间室](?!.{0,20}(?:泵|启动|动作|反馈))")


def tell_part(component: str, component_type: int | None, system_type: int | None, description: str) -> Part:
    """Say what reported. Without a component it is panel, system or transmitter, whatever else is said."""
    if component == "":
        return Part.PANEL
    known = _BY_CODE.get(component_type) if component_type is not None else None
    if known is not None:
        return known
    return _by_name(component) or _by_description(description) or _by_system(system_type)


def is_water_flow(part: Part, component: str, system_type: int | None) -> bool:
    """Whether a started, feedback or supervisory report means that water flows: its part, or its whole system."""
    return part is Part.WATER_FLOW or (component == "" and system_type in _SPRINKLER_SYSTEMS)


def _by_name(component: str) -> Part | None:
    """Judge by what a component is called: what has an address behind a panel's name is a part of that panel."""
    part, found = _first(component, lambda _part, _match: True)
    if part is Part.PANEL and found is not None:
        behind = component[found.end(1) :]
        serial = _TRANSMITTER.fullmatch(found.group(1)) is not None  # no detector has its address
        if _ADDRESS.search(component) or (len(_NUMBER.findall(behind)) > 1 and not serial):
            return None
    return part


def _by_description(text: str) -> Part | None:
    """Judge by the device that a free text names, leaving out what only says where that is."""
    part, found = _first(text, lambda part, match: not (_is_landmark(match) or _is_room(part, match)))
    if part is Part.PANEL and found is not None and not _names_panel(text):
        return None
    return part


def _first(text: str, counts: Callable[[Part, re.Match[str]], bool]) -> tuple[Part | None, re.Match[str] | None]:
    for part, words in _BY_WORDS:
        for match in words.finditer(text):
            if part is Part.DETECTOR or counts(part, match):
                return part, match
    return None, None


def _is_landmark(match: re.Match[str]) -> bool:
    """Whether a device is only named to say what is near it."""
    before, behind = match.string[: match.start()], match.string[match.end() :]
    return bool(_NEAR_BEFORE.search(before) or _NEAR_BEHIND.match(behind))


def _is_room(part: Part, match: re.Match[str]) -> bool:
    """Whether a room has its name of what stands in it."""
    return part is Part.WATER_FLOW and _ROOM.match(match.string[match.end() :]) is not None


def _names_panel(text: str) -> bool:
    """Whether a text is about a panel, not about a part of it: no address, and hardly anything behind the name."""
    if _ADDRESS.search(text):
        return False
    last = max((match.end(1) for part, words in _BY_WORDS if part is Part.PANEL for match in words.finditer(text)))
    behind = text[last:]
    return _NUMBER_OR_STATE.fullmatch(behind) is not None or (
        re.match(r"[\W_]", behind) is not None and _NUMBER.search(behind) is None
    )


def _by_system(system_type: int | None) -> Part:
    return Part.WATER_FLOW if system_type in _SPRINKLER_SYSTEMS else Part.DETECTOR
