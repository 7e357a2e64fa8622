"""What is said of links between township and county that do not carry, and of what is set aside. `health` decides."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from services.core.clock import COUNTY
from services.core.words import Reason


def say_silent(township: Mapping[str, Any]) -> Reason:
    """Return why a county raises `township_silent`."""
    name, at = township["name"], township["last_heard"].astimezone(COUNTY).strftime("%m-%d %H:%M:%S")
    return Reason(
        f"{name} 的系统自 {at} 起没有联系，其设备不判离线",
        f"the system of {name} has not been heard since {at}; its devices are not called offline",
    )


def say_not_carried(fires: int) -> Reason:
    """Return why a township calls its own contacts."""
    return Reason(
        f"{fires} 起确认火警未能送达县级，请立即电话报告 119 和县值班室",
        f"the county does not have {fires} confirmed fires: phone 119 and the county's duty room now",
    )


def say_set_aside(work: asyncpg.Record) -> Reason:
    """Return what is set aside of one program and kind: how many units, and the newest of them."""
    program, kind, units, name, error = (work[column] for column in ("program", "kind", "units", "name", "error"))
    return Reason(
        f"{program} 有 {units} 项工作处理失败，留待重试（{kind}）：{name}，{error}",
        f"{program} could not finish {units} units of work ({kind}): {name}: {error}",
    )
