"""Every code an alarm can have (contract 8 and our own health): what a policy may name.

A test compares this list with the rules, the event types and the health findings.
"""

from typing import Final

CODES: Final = (
    "fire",
    # readings
    "hydrant_pressure_low", "hydrant_pressure_high", "hydrant_pressure_drop", "hydrant_in_use", "hydrant_cap_open",
    "hydrant_tilt", "hydrant_freezing", "water_level_low", "water_level_high", "mains_event", "residual_current_high",
    "cable_temperature_high", "arc_fault", "overvoltage", "undervoltage", "overcurrent", "battery_low",
    # early warning
    "water_burst", "water_draw", "water_leak", "hydrant_decoupled", "freeze_forecast", "insulation_ageing",
    "joint_heating", "sensor_fault",
    # devices and what they report
    "device_offline", "device_unreadable", "device_flooding", "clock_wrong", "prealarm", "fault", "disabled",
    "supervisory", "tamper", "power_fault", "link_fault",
    # our own health
    "dispatch_failed", "ingest_stalled", "queue_dropped", "session_lost", "storage_low", "storage_job_failed",
    "event_unreadable", "clock_drift", "connections_full", "backup_overdue", "set_aside", "township_silent",
    "certificate_expiring",
)  # fmt: skip
