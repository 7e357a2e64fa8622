"""What an officer does about an alarm: the sentence shown beside it until the brigade writes its own.

Chinese, then English, by code. Our own wording; the brigade's sentences replace it in the
policy `responses`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RESPONSES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "fire": (
            "接警后立即打电话给单位核实；无人应答或确认起火，核实为真实火警，通知出动。",
            "Take it and call the site at once; if nobody answers or it burns, judge it real and send a crew.",
        ),
        "hydrant_pressure_low": (
            "查看同一管网的其他消火栓；只有一处，派人检查阀门；有多处，通知供水单位。",
            "Look at other hydrants of the same main. One alone: have its valve checked. Several: call the waterworks.",
        ),
        "hydrant_pressure_high": (
            "通知供水单位检查减压阀；打开消火栓时注意安全。",
            "Have the waterworks check the pressure reducer; open the hydrant with care.",
        ),
        "hydrant_pressure_drop": (
            "查看附近是否有人用水或爆管，通知供水单位。",
            "See whether water is drawn or a main has burst nearby; tell the waterworks.",
        ),
        "hydrant_in_use": (
            "没有出警、也没有登记用水的，派人查看是否盗用。",
            "If neither a crew nor a registered user draws water, have somebody look.",
        ),
        "hydrant_cap_open": (
            "派人检查闷盖，有人用水的问明原因。",
            "Have the cap looked at; ask whoever draws water why.",
        ),
        "hydrant_tilt": ("派人检查是否被撞、是否漏水。", "Have it looked at: hit by a vehicle, leaking?"),
        "hydrant_freezing": (
            "放空或保温；冻住的标为不可用。",
            "Drain or insulate it; if frozen, mark it as not usable.",
        ),
        "water_level_low": (
            "通知单位补水，检查进水阀；补满前备用其他水源。",
            "Have the site refill it and check the inlet; plan with other sources until it is full.",
        ),
        "water_level_high": ("通知单位检查进水浮球阀和溢流。", "Have the site check the float valve and the overflow."),
        "mains_event": (
            "通知供水单位，问清范围和恢复时间；火场改用水池或运水供水。",
            "Ask the waterworks for extent and end; at a fire use tanks or shuttle water.",
        ),
        "residual_current_high": (
            "通知单位电工检查漏电回路，必要时断电。",
            "Have the site's electrician find the leaking circuit; switch it off if need be.",
        ),
        "cable_temperature_high": (
            "通知单位减少负荷、检查接头；仍在升温的断电。",
            "Have the site shed load and check the joints; switch off if it still rises.",
        ),
        "arc_fault": (
            "通知单位立即断开该回路并检查。",
            "Have the site switch the circuit off at once and look for the arc.",
        ),
        "overvoltage": (
            "通知单位检查零线；多处同时出现，通知供电公司。",
            "Have the neutral checked; several at once: call the utility.",
        ),
        "undervoltage": (
            "多处同时出现，通知供电公司；只有一处，检查进线。",
            "Several at once: call the utility; one alone: check its supply.",
        ),
        "overcurrent": ("通知单位减少该回路的负荷。", "Have the site shed load from the circuit."),
        "battery_low": ("两周内安排更换电池。", "Plan a new battery within two weeks."),
        "water_burst": (
            "通知供水单位核查最可能位置附近的管段；派人查看路面出水；如有火场用水，先核对登记。",
            "Rule out water drawn for a fire; have the mains at the marked place checked; look for water on the road.",
        ),
        "water_draw": (
            "核对是否有登记用水或演练；无登记时派人查看该栓是否被私自开启。",
            "Check for a registered use or a drill; if there is none, send someone to see whether it was opened.",
        ),
        "water_leak": (
            "请供水单位在夜间对附近管段听漏；记录为隐患，持续观察夜间压力。",
            "Ask the water company to listen for leaks nearby at night; file a hazard and watch the nights.",
        ),
        "hydrant_decoupled": (
            "派人检查阀门是否关闭、栓体是否堵塞或冻结；开栓试水并核对压力传感器。",
            "See whether its valve is closed, the barrel blocked or frozen; open it and compare the sensor.",
        ),
        "freeze_forecast": (
            "今晚前排空栓内积水或加保温；检查排水口是否堵塞。",
            "Drain the barrel or insulate it before tonight; check that its drain is not blocked.",
        ),
        "insulation_ageing": (
            "请电工测量该回路绝缘电阻，查找受潮或破损处；数值上升时安排停电检修。",
            "Have the circuit's insulation measured; look for damp or damage; if it rises on, plan a shutdown.",
        ),
        "joint_heating": (
            "请电工用热像仪检查接线端子并紧固；高负荷时段优先查看。",
            "Have the terminals looked at with a thermal camera and tightened, at the hours of high load.",
        ),
        "sensor_fault": (
            "更换或校准传感器；在此之前其读数不可信。",
            "Replace or calibrate the sensor; until then do not trust its readings.",
        ),
        "device_offline": (
            "查看同一区域是否停电或断网；只有一台，安排检修。",
            "Power or network out in the area? One alone: plan a repair.",
        ),
        "device_unreadable": (
            "把“系统”页中被拒收的内容发给厂家。",
            "Send the maker what the page System lists as rejected.",
        ),
        "device_flooding": (
            "通知维护单位检查设备；需要时停用。",
            "Have the device checked; take it out of service if need be.",
        ),
        "clock_wrong": ("通知维护单位校准设备时钟。", "Have the device's clock set."),
        "prealarm": (
            "打电话给单位查看该部位；准备出动。",
            "Call the site and have the spot looked at; be ready to go.",
        ),
        "fault": ("通知单位检修；修好前加强巡查。", "Have the site repair it; patrol more until then."),
        "disabled": ("问清为什么屏蔽、到什么时候；要求加强巡查。", "Ask why and until when; ask for patrols."),
        "supervisory": (
            "通知单位恢复阀门、水泵等到正常位置。",
            "Have valves and pumps put back to their normal position.",
        ),
        "tamper": ("打电话给单位，派人查看。", "Call the site and have somebody look."),
        "power_fault": (
            "通知单位检查主电和备电；备电一般只够 8 小时。",
            "Have mains and battery checked; a battery lasts about 8 h.",
        ),
        "link_fault": (
            "通知维护单位检查通信线路；期间以电话联系单位。",
            "Have the line checked; stay in touch with the site by phone.",
        ),
        "dispatch_failed": (
            "立即打电话给 119 通报；再查看“系统”页的通知。",
            "Call 119 by phone at once; then look at the notices on the page System.",
        ),
        "ingest_stalled": (
            "立即通知运维；期间新的火警可能看不到，电话通知重点单位。停满一小时后，确认该采集已撤销才可人工关闭。",
            "Call the operator at once; phone the key sites. Clear it after an hour only if the lane is gone for good.",
        ),
        "queue_dropped": (
            "立即通知运维；问重点单位有无火警。",
            "Call the operator at once; ask the key sites whether all is well.",
        ),
        "session_lost": ("通知运维查看消息服务器的日志。", "Have the operator read the broker's log."),
        "storage_low": ("通知运维扩容。", "Have the operator add storage."),
        "storage_job_failed": ("通知运维查看数据库作业。", "Have the operator look at the database's jobs."),
        "event_unreadable": (
            "打电话给该单位问有无火警，再通知运维。",
            "Call the site: is there a fire? Then tell the operator.",
        ),
        "clock_drift": ("通知运维检查时钟同步。", "Have the operator check the time service."),
        "connections_full": ("通知运维；新设备可能连不上。", "Tell the operator: further devices may not get in."),
        "backup_overdue": ("通知运维检查备份目录。", "Have the operator check the backup folder."),
        "township_silent": (
            "打电话给该镇值班室问有无火警，再通知运维查线路。",
            "Call the township's duty room: is there a fire? Then have the operator look at the line.",
        ),
        "certificate_expiring": (
            "通知运维更新证书；到期后设备连不上，火警收不到。",
            "Have the operator renew the certificate: once it has ended no device gets in, and no fire is heard.",
        ),
        "set_aside": (
            "看“系统”页中搁置的内容；可能含火警的先打电话核实。",
            "Read what is set aside on the page System; call where a fire may hide.",
        ),
    }
)
