"""The columns of the registry's workbook: what each is called, and which of them a person may correct. Pure.

Written by `workbook`, read by `ours` when the workbook comes back as a ledger.
"""

from typing import Final

HEADINGS: Final = {
    "code": ("编号", "Code"), "name": ("名称", "Name"), "kind": ("类型", "Kind"), "form": ("形式", "Form"),
    "area_name": ("区域", "Area"), "site_name": ("单位", "Site"), "address": ("地址", "Address"),
    "status": ("状态", "State"), "last_seen": ("最近通信（北京时间）", "Last seen (Beijing time)"),
    "severity": ("未关闭的告警", "Open alarm"), "out_of_service_until": ("停用检修至", "Out of service until"),
    "out_of_service_reason": ("停用原因", "Why out of service"), "battery_pct": ("电量（%）", "Battery (%)"),
    "rsrp_dbm": ("信号（dBm）", "Signal (dBm)"), "owner": ("产权单位", "Owner"),
    "maintainer": ("维护单位", "Maintainer"),
    "expected_interval_s": ("上报间隔（秒）", "Interval (s)"), "lon": ("经度（WGS 84）", "Longitude (WGS 84)"),
    "lat": ("纬度（WGS 84）", "Latitude (WGS 84)"),
}  # fmt: skip
"""In Chinese and in English, in the order of the columns."""

TAKEN_BACK: Final = frozenset(
    {"code", "name", "kind", "form", "address", "owner", "maintainer", "expected_interval_s", "lon", "lat"}
)
"""What a ledger may change; the rest is worked out, or stands there by its name alone."""
