"""What kind of thing a report came from: by GB/T 26875.3-2011 table 5, else by the words used.

Used by `events`. A fire report with a component counts as a detector unless code or words say otherwise: real
panels leave codes out or use reserved ones, and a detector taken for a panel could never confirm a fire.
"""

from __future__ import annotations

import re
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
    (Part.PANEL, re.compile(r"控制器|主机|显示盘|传输装置|传输设备|系统", re.IGNORECASE)),
    (Part.PANEL, re.compile(r"\b(?:panel|controller|facp|system|sys|transmitter|utd)(?:\b|[_\d])", re.IGNORECASE)),
)


def tell_part(component: str, component_type: int | None, system_type: int | None, description: str) -> Part:
    """Say what reported. Without a component it is panel, system or transmitter, whatever else is said."""
    if component == "":
        return Part.PANEL
    known = _BY_CODE.get(component_type) if component_type is not None else None
    if known is not None:
        return known
    return _by_words(component) or _by_words(description) or _by_system(system_type)


def is_water_flow(part: Part, component: str, system_type: int | None) -> bool:
    """Whether a started, feedback or supervisory report means that water flows: its part, or its whole system."""
    return part is Part.WATER_FLOW or (component == "" and system_type in _SPRINKLER_SYSTEMS)


def _by_words(text: str) -> Part | None:
    return next((part for part, words in _BY_WORDS if words.search(text)), None)


def _by_system(system_type: int | None) -> Part:
    return Part.WATER_FLOW if system_type in _SPRINKLER_SYSTEMS else Part.DETECTOR
