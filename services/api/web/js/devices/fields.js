// Which fields make a chart, and which of them one wants to see first.
export const CHARTS = {
  hydrant: [
    "pressure_mpa",
    "flow_lps",
    "water_temp_c",
    "air_temp_c",
    "tilt_deg",
    "battery_pct",
    "rsrp_dbm",
  ],
  electrical: [
    "residual_current_ma",
    "temp_a_c",
    "temp_b_c",
    "temp_c_c",
    "temp_n_c",
    "current_a_a",
    "current_b_a",
    "current_c_a",
    "voltage_a_v",
    "voltage_b_v",
    "voltage_c_v",
    "power_kw",
    "power_factor",
    "frequency_hz",
    "energy_kwh",
    "arc_count",
  ],
  water: ["level_pct", "level_m", "water_temp_c", "air_temp_c", "battery_pct", "rsrp_dbm"],
  panel: ["battery_v"],
};

export const mainField = (device) => {
  const fields = CHARTS[device.kind] ?? [];
  return fields.find((field) => device.state?.[field]) ?? fields[0];
};

// The lines a rule draws into the chart of a field: raise, clear, critical.
export function limitLines(device, field) {
  return (device.rule_limits ?? [])
    .filter((limit) => limit.field === field)
    .flatMap((limit) => [
      { at: limit.raise, kind: "raise", below: limit.op === "<" },
      { at: limit.clear, kind: "clear" },
      { at: limit.critical, kind: "critical", below: limit.op === "<" },
    ])
    .filter((line) => typeof line.at === "number");
}
