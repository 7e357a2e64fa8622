"""Where simulated devices stand: townships of Baode, streets and sites with invented names, positions approximate.

Called by the fleet and the registration. Promises: device number n of a kind is the same device at every start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from services.core.topics import Kind
from simulators.noise import Dice

PREFIX: Mapping[Kind, str] = MappingProxyType(
    {Kind.HYDRANT: "HYD", Kind.ELECTRICAL: "ELE", Kind.WATER: "WAT", Kind.PANEL: "PAN"}
)


@dataclass(frozen=True, slots=True)
class Township:
    """An area with the approximate middle of its built-up part (WGS 84)."""

    code: str
    name: str
    lon: float
    lat: float
    spread_deg: float
    weight: int  # share of the devices


TOWNSHIPS = (
    Township("140931100", "东关镇", 111.094, 39.018, 0.014, 8),  # the county seat
    Township("140931101", "义门镇", 111.120, 38.985, 0.010, 3),
    Township("140931102", "桥头镇", 111.190, 38.925, 0.008, 3),
    Township("140931103", "杨家湾镇", 111.035, 38.965, 0.007, 2),
    Township("140931104", "孙家沟镇", 111.250, 38.985, 0.007, 2),
    Township("140931200", "腰庄乡", 111.185, 39.030, 0.005, 1),
    Township("140931201", "韩家川乡", 111.015, 38.905, 0.005, 1),
    Township("140931202", "林遮峪乡", 110.985, 38.830, 0.005, 1),
    Township("140931203", "冯家川乡", 110.970, 38.755, 0.005, 1),
    Township("140931204", "土崖塔乡", 111.130, 38.840, 0.005, 1),
    Township("140931208", "南河沟乡", 111.250, 38.840, 0.005, 1),
)
# Heavier townships come round more often, the county seat on every second turn.
_TURN = tuple(town for step in range(8) for town in TOWNSHIPS if town.weight > step and (step == 0 or town.weight >= 2))
_STREETS = ("府前街", "迎宾路", "文化路", "建设路", "滨河路", "新建路", "人民路", "工业路", "学府路", "振兴街")
_SITES = (
    ("中心小学", "学校", "门卫", "校门东侧消防车通道"),
    ("人民医院分院", "医院", "消防控制室", "急诊楼北门"),
    ("惠民商场", "商场", "值班经理", "西侧卸货口"),
    ("迎宾酒店", "酒店", "前台", "正门，地下车库入口旁"),
    ("敬老院", "养老机构", "护理站", "南门，院内可停两台车"),
    ("选煤厂", "工厂", "调度室", "三号门，注意皮带走廊"),
    ("政务服务中心", "办公", "保卫科", "东门"),
    ("农贸市场", "市场", "市场管理办", "北口，早市时段道路占用"),
)


@dataclass(frozen=True, slots=True)
class Site:
    """A place with panels and circuits; people to call."""

    number: int
    name: str
    area: str
    address: str
    lon: float
    lat: float
    contacts: tuple[Mapping[str, str], ...]
    access_note: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one device stands."""

    area: str
    name: str
    address: str
    lon: float
    lat: float
    site: Site | None = None


def code_of(kind: Kind, number: int) -> str:
    """Return the code of device `number` (from 1) of a kind."""
    return f"{PREFIX[kind]}-{number:05d}"


def town_of(number: int) -> Township:
    """Return the township of device `number`."""
    return _TURN[(number - 1) % len(_TURN)]


def _around(town: Township, dice: Dice) -> tuple[float, float]:
    lon = town.lon + dice.normal(town.spread_deg * 0.5)
    lat = town.lat + dice.normal(town.spread_deg * 0.35)
    return round(lon, 6), round(lat, 6)


def site_of(number: int) -> Site:
    """Return invented site `number` (from 1). Telephone numbers have a form that no real one has."""
    dice = Dice("site", number)
    town = town_of(number)
    name, use, role, access = _SITES[(number - 1) % len(_SITES)]
    lon, lat = _around(town, dice)
    street = _STREETS[dice.below(len(_STREETS))]
    contacts = (
        {"name": f"模拟值班员{number}", "role": role, "phone": f"000-{number:07d}"},
        {"name": f"模拟负责人{number}", "role": "消防安全管理人", "phone": f"000-{number + 5_000_000:07d}"},
    )
    round_ = (number - 1) // len(_SITES)
    title = f"{town.name}{name}" + (f"（{round_ + 1}）" if round_ else "")
    address = f"{town.name}{street}{1 + dice.below(200)}号（{use}，模拟，位置为近似）"
    return Site(number, title, town.code, address, lon, lat, contacts, access)


def place_of(kind: Kind, number: int, sites: int) -> Place:
    """Return where device `number` of a kind stands; panels and circuits stand in one of `sites` sites."""
    if kind in (Kind.PANEL, Kind.ELECTRICAL) and sites:
        site = site_of((number - 1) % sites + 1)
        what = "消防主机" if kind is Kind.PANEL else f"{1 + (number - 1) // sites}号配电箱"
        return Place(site.area, f"{site.name} {what}", site.address, site.lon, site.lat, site)
    dice = Dice("place", kind, number)
    town = town_of(number)
    lon, lat = _around(town, dice)
    street = _STREETS[dice.below(len(_STREETS))]
    what = "消火栓" if kind is Kind.HYDRANT else "消防水源"
    return Place(town.code, f"{street}{number}号{what}", f"{town.name}{street}（模拟，位置为近似）", lon, lat)


def site_body(site: Site) -> dict[str, Any]:
    """Return the site as the HTTP API takes it."""
    return {
        "name": site.name,
        "area": site.area,
        "address": site.address,
        "location": {"lon": site.lon, "lat": site.lat},
        "contacts": [dict(contact) for contact in site.contacts],
        "access_note": site.access_note,
    }
