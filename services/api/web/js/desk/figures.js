// The figures of an alarm with their units: what raised it, its limit, and what the device says now.
import { isOpen } from "../alarms.js";
import { get } from "../api.js";
import { ago, measured, number, span, unit } from "../format.js";
import { t } from "../i18n.js";
import { Field } from "../parts.js";
import { live, putDevices, useDevice, useStore } from "../store.js";
import { html, useEffect } from "../ui.js";

// What codes begin with, and the fields that they judge; of several phases the worst one counts.
const MEASURES = [
  ["hydrant_pressure", ["pressure_mpa"]],
  ["hydrant_in_use", ["flow_lps"]],
  ["hydrant_tilt", ["tilt_deg"]],
  ["hydrant_freezing", ["water_temp_c"]],
  ["water_level", ["level_pct"]],
  ["battery_low", ["battery_pct"]],
  ["residual_current", ["residual_current_ma"]],
  ["cable_temperature", ["temp_a_c", "temp_b_c", "temp_c_c", "temp_n_c"]],
  ["overvoltage", ["voltage_a_v", "voltage_b_v", "voltage_c_v"]],
  ["undervoltage", ["voltage_a_v", "voltage_b_v", "voltage_c_v"]],
  ["overcurrent", ["current_a_a", "current_b_a", "current_c_a"]],
];
const isLow = (code) => code.endsWith("_low") || code === "undervoltage";

// A level is judged in per cent or in metres: by whichever of the device's limits the alarm names.
function fieldsOf({ code, limit }, device) {
  const fields = MEASURES.find(([start]) => code.startsWith(start))?.[1] ?? [];
  if (fields[0] !== "level_pct") return fields;
  const onlyMetres = device?.state?.level_m && !device.state.level_pct;
  return [namedField({ code, limit }, device) ?? (onlyMetres ? "level_m" : "level_pct")];
}
const namedField = ({ code, limit }, device) =>
  device?.rule_limits?.find((one) => one.code === code && one.raise === limit)?.field;

// Of now a level whose limit is not named is the newer one: a gauge may send only that by now.
function fieldsNow(alarm, device) {
  const fields = fieldsOf(alarm, device);
  if (fields[0] !== "level_pct" || namedField(alarm, device)) return fields;
  const [percent, metres] = ["level_pct", "level_m"].map((field) => Date.parse(device?.state?.[field]?.ts));
  return metres > percent ? ["level_m"] : fields;
}

const EARLY_DIGITS = { MPa: 3, mA: 0, m: 3 }; // of early warnings, which say their unit

// What is counted, and what our own health is judged in; times are spans, in seconds of the unit here.
const DEVICES = ["device_offline", "mains_event"]; // silent together, or without pressure together
const COUNTS = [
  "set_aside",
  "dispatch_failed",
  "queue_dropped",
  "connections_full",
  "device_flooding",
  "device_unreadable",
];
const WORDS_OF = { ingest_stalled: "span.s", clock_drift: "span.s", certificate_expiring: "span.d" };

const withUnit = (field, value) => `${measured(field, value)} ${unit(field)}`.trim();

// A device is silent for so many minutes. An alarm without one speaks for several, and says their number.
const isAway = ({ code, device }) => code === "device_offline" && !!device;
// How many intervals may pass is no limit to the number of devices.
const hasLimit = (alarm) =>
  typeof alarm.limit === "number" && (alarm.code !== "device_offline" || isAway(alarm));

function figure(alarm, device, value) {
  if (isAway(alarm)) return span(value * 60);
  if (DEVICES.includes(alarm.code)) return t("desk.n_devices", { n: number(value, 0) });
  if (COUNTS.includes(alarm.code)) return number(value, 0);
  if (alarm.code === "clock_drift" && alarm.component === "records") return span(value * 60);
  const own = number(value, Number.isInteger(value) ? 0 : 1);
  if (alarm.code in WORDS_OF) return t(WORDS_OF[alarm.code], { n: own });
  if (alarm.code === "storage_low") return `${own} %`;
  const early = alarm.early_warning?.unit;
  if (early) return `${number(value, EARLY_DIGITS[early] ?? 1)} ${early}`;
  const [field = "value"] = fieldsOf(alarm, device);
  return withUnit(field, value);
}

// An early warning has no limit: it is held against what was expected.
const limitName = (alarm) => (alarm.early_warning ? "desk.expected" : "desk.limit");

// The reading of now that the alarm is about: {field, value, ts}; null when the device has none.
function newest(alarm, device) {
  const cells = fieldsNow(alarm, device)
    .map((field) => ({ field, ...device?.state?.[field] }))
    .filter(({ value }) => typeof value === "number")
    .sort((a, b) => b.value - a.value);
  return cells.at(isLow(alarm.code) ? -1 : 0) ?? null;
}

export function Figures({ alarm, now }) {
  const device = useDevice(alarm.device);
  const asks = isOpen(alarm) && alarm.device && fieldsOf(alarm, device).length > 0;
  const round = useStore(live, (state) => state.round); // a reading may have come before the stream began
  useEffect(() => {
    if (!asks) return;
    const askedAt = performance.now();
    get(`/api/v1/devices/${encodeURIComponent(alarm.device)}`).then(
      (found) => putDevices([found], askedAt),
      () => null,
    );
  }, [alarm.device, asks, round]);
  const cell = asks ? newest(alarm, device) : null;
  const raised = typeof alarm.value === "number";
  return html`
    ${raised && html`<${Field} name=${t("desk.value")}>
      <b class="figure">${figure(alarm, device, alarm.value)}</b>
      ${hasLimit(alarm) && html`${" "}
        <span class="limit">${t(limitName(alarm))} ${figure(alarm, device, alarm.limit)}</span>`}
    <//>`}
    ${cell && html`<${Field} name=${t("desk.value_now")}>
      <b class="figure now">${withUnit(cell.field, cell.value)}</b> <em>${ago(cell.ts, now)}</em>
    <//>`}
  `;
}
