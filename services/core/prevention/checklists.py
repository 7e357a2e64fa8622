"""What is looked at on an inspection (巡查), by kind of device and of a site. Data; read by the API.

The wording and which hazard a failed item becomes are ours; the source says which duty the item belongs to.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from services.core.prevention.catalogue import GB25201, LAW_16, LAW_19, LAW_27, LAW_28, HazardCode

GB50974: Final = "GB 50974-2014, chapter 14: upkeep of fire water supply"
CONTRACT: Final = "contract 12: the system depends on it"
SITE: Final = "site"


class Item(NamedTuple):
    """One question. Yes is good; a no proposes `hazard`."""

    code: str
    zh: str
    en: str
    hazard: HazardCode
    source: str


class Checklist(NamedTuple):
    """The questions of one kind of device, or of a site."""

    name: str
    zh: str
    en: str
    items: tuple[Item, ...]

    def item(self, code: str) -> Item | None:
        """Return the question of that code."""
        return next((one for one in self.items if one.code == code), None)


_MOUNTED: Final = Item(
    "device", "监测终端安装牢固、外观完好", "the device is firmly mounted and undamaged", HazardCode.OTHER, CONTRACT
)
_SIGN: Final = Item("sign", "标志、编号清晰", "signs and numbers can be read", HazardCode.OTHER, GB50974)
_LISTS: Final = (
    Checklist(
        "hydrant", "消火栓、水鹤", "hydrant or crane",
        (
            Item("reachable", "未被埋压、圈占、遮挡，消防车可以靠近", "free, and a fire engine can reach it",
                 HazardCode.HYDRANT_BLOCKED, LAW_28),
            Item("intact", "栓体、接口、闷盖完好，无锈蚀、渗漏", "body, couplings and caps are whole, no rust, no leak",
                 HazardCode.HYDRANT_DAMAGED, GB50974),
            Item("opens", "阀门启闭灵活", "the valve opens and closes easily", HazardCode.HYDRANT_DAMAGED, GB50974),
            Item("flows", "试放有水、水压正常", "water comes, with good pressure", HazardCode.WATER_DRY, GB50974),
            _SIGN,
            _MOUNTED,
        ),
    ),
    Checklist(
        "water", "消防水池、天然水源", "pool, tank or natural source",
        (
            Item("reachable", "取水道路畅通，消防车可以靠近", "the way to it is free for a fire engine",
                 HazardCode.FIRE_LANE_BLOCKED, LAW_28),
            Item("level", "水位正常，无渗漏", "the level is good, and nothing leaks",
                 HazardCode.FIRE_WATER_FAULTY, GB50974),
            Item("intake", "取水口、吸水管、阀门完好", "intake, suction pipe and valves are whole",
                 HazardCode.FIRE_WATER_FAULTY, GB50974),
            Item("clear", "无淤塞、无冰封", "neither silted up nor frozen over", HazardCode.FIRE_WATER_FAULTY, GB50974),
            Item("fence", "护栏完好", "the railing is whole", HazardCode.OTHER, LAW_16),
            _SIGN,
            _MOUNTED,
        ),
    ),
    Checklist(
        "electrical", "电气线路", "electrical circuit",
        (
            Item("cabinet", "配电箱完好，周围无可燃物", "the cabinet is whole, nothing that burns is near it",
                 HazardCode.WIRING_UNSAFE, LAW_27),
            Item("joints", "接线牢固，无过热变色、焦味", "joints are firm, not discoloured, no smell of burning",
                 HazardCode.WIRING_UNSAFE, LAW_27),
            Item("wiring", "无私拉乱接、超负荷用电", "no wiring of people's own, no overload",
                 HazardCode.WIRING_UNSAFE, LAW_27),
            Item("in_use", "探测器未被停用、短接", "the detector is neither switched off nor bridged",
                 HazardCode.FACILITY_DISABLED, LAW_28),
            _MOUNTED,
        ),
    ),
    Checklist(
        "panel", "火灾报警控制器", "fire alarm panel",
        (
            Item("normal", "控制器显示正常，无故障、屏蔽", "the panel shows no fault and nothing disabled",
                 HazardCode.ALARM_SYSTEM_FAULTY, GB25201),
            Item("self_test", "自检声光正常", "lamps and sounder pass the self-test",
                 HazardCode.ALARM_SYSTEM_FAULTY, GB25201),
            Item("power", "主、备电源正常", "mains and battery are good", HazardCode.FIRE_POWER_FAULTY, GB25201),
            Item("automatic", "联动控制处于自动状态", "controls are set to automatic",
                 HazardCode.FACILITY_DISABLED, LAW_28),
            Item("duty", "值班人员在岗、会操作", "somebody is on duty and can work it",
                 HazardCode.DUTY_ABSENT, GB25201),
            _MOUNTED,
        ),
    ),
    Checklist(
        SITE, "联网单位", "site",
        (
            Item("exits", "疏散通道、安全出口畅通", "escape routes and exits are free",
                 HazardCode.ESCAPE_BLOCKED, LAW_28),
            Item("lane", "消防车通道畅通", "the lane of fire engines is free", HazardCode.FIRE_LANE_BLOCKED, LAW_28),
            Item("compartment", "防火门、防火卷帘完好", "fire doors and shutters are whole",
                 HazardCode.COMPARTMENT_BROKEN, LAW_28),
            Item("extinguishers", "灭火器齐全有效", "extinguishers are there and in date",
                 HazardCode.EXTINGUISHER_MISSING, LAW_16),
            Item("water", "室内消火栓、喷淋有水", "hydrants inside and sprinklers have water",
                 HazardCode.FIRE_WATER_FAULTY, LAW_16),
            Item("wiring", "用电规范，无私拉乱接", "electricity is used safely", HazardCode.WIRING_UNSAFE, LAW_27),
            Item("storage", "无违规存放易燃易爆危险品", "no dangerous goods where they must not be",
                 HazardCode.DANGEROUS_STORAGE, LAW_19),
            Item("duty", "消防控制室有人值班", "the control room is manned", HazardCode.DUTY_ABSENT, GB25201),
        ),
    ),
)  # fmt: skip
CHECKLISTS: Final[Mapping[str, Checklist]] = MappingProxyType({one.name: one for one in _LISTS})
