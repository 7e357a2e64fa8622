// Numbers, times and places as text. The language is the page's, today is the server's.
import { serverNow } from "./clock.js";
import { language, t, word } from "./i18n.js";
import { covers } from "./may.js";
import { live } from "./store.js";
import { wallOf } from "./zone.js";

const pad = (n) => String(n).padStart(2, "0");

export function clockTime(at, seconds = true) {
  const time = new Date(at);
  if (!at || Number.isNaN(+time)) return "–";
  const { hour, minute, second } = wallOf(time);
  return `${pad(hour)}:${pad(minute)}${seconds ? `:${pad(second)}` : ""}`;
}

// 2026-11-28
export function dayNumber(at) {
  const { year, month, day } = wallOf(at);
  return `${year}-${pad(month)}-${pad(day)}`;
}

// `whole`: with the year, for lists that go back further than one remembers.
export function dateTime(at, whole = false) {
  const time = new Date(at);
  if (!at || Number.isNaN(+time)) return "–";
  const day = dayNumber(time);
  if (whole) return `${day} ${clockTime(at)}`;
  return day === dayNumber(serverNow()) ? clockTime(at) : `${day.slice(5)} ${clockTime(at, false)}`;
}

// 2026-11-28 周六
export function dayText(at) {
  return `${dayNumber(at)} ${t("weekdays").split(" ")[wallOf(at).weekday]}`;
}

// 37 s, 12 min, 3 h 05, 2 d: one glance.
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (!Number.isFinite(s)) return "–";
  if (s < 60) return t("span.s", { n: s });
  if (s < 3600) return t("span.min", { n: Math.floor(s / 60) });
  if (s < 86_400) return t("span.h", { n: Math.floor(s / 3600), m: pad(Math.floor(s / 60) % 60) });
  return t("span.d", { n: Math.floor(s / 86_400) });
}

export const age = (at, now) => (at ? span((now - Date.parse(at)) / 1000) : "–");
export const ago = (at, now) => (at ? t("span.ago", { span: age(at, now) }) : "–");

// A running clock: 1:07, 0:09, 1:02:03.
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const h = Math.floor(s / 3600);
  return `${h ? `${h}:` : ""}${h ? pad(Math.floor(s / 60) % 60) : Math.floor(s / 60)}:${pad(s % 60)}`;
}

const DIGITS = {
  pressure_mpa: 3,
  flow_lps: 1,
  water_temp_c: 1,
  air_temp_c: 1,
  tilt_deg: 1,
  battery_pct: 0,
  rsrp_dbm: 0,
  residual_current_ma: 0,
  level_m: 2,
  level_pct: 1,
  power_kw: 1,
  power_factor: 2,
  frequency_hz: 2,
  energy_kwh: 0,
  battery_v: 1,
  arc_count: 0,
};

const UNITS = {
  mpa: "MPa",
  lps: "L/s",
  c: "°C",
  deg: "°",
  pct: "%",
  dbm: "dBm",
  ma: "mA",
  a: "A",
  v: "V",
  kw: "kW",
  hz: "Hz",
  kwh: "kWh",
  m: "m",
};

export const unit = (field) => (field.includes("_") ? (UNITS[field.split("_").at(-1)] ?? "") : "");

export function number(value, digits = 1) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return Number(value).toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function measured(field, value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return word(`bool.${field}`, value);
  if (typeof value !== "number") return String(value);
  return number(value, DIGITS[field] ?? 1);
}

export function compact(value) {
  if (value === null || value === undefined) return "–";
  if (value < 100_000) return number(value, 0);
  if (language() === "zh")
    return value < 1e8 ? `${number(value / 1e4, 1)} 万` : `${number(value / 1e8, 2)} 亿`;
  return value < 1e9 ? `${number(value / 1e6, 2)} M` : `${number(value / 1e9, 2)} G`;
}

export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  const step = value >= 1e12 ? [1e12, "TB"] : value >= 1e9 ? [1e9, "GB"] : [1e6, "MB"];
  return `${number(value / step[0], 1)} ${step[1]}`;
}

// A latency: below a second in ms, above in s.
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  return seconds < 1
    ? t("span.ms", { n: Math.round(seconds * 1000) })
    : t("span.s", { n: number(seconds, seconds < 10 && !Number.isInteger(seconds) ? 2 : 0) });
}

export function distance(metres) {
  return metres < 1000 ? `${Math.round(metres)} m` : `${number(metres / 1000, 2)} km`;
}

export function bearing(degrees) {
  const names = t("bearings").split(" ");
  return names[Math.round(degrees / 45) % 8];
}

// [code, text] for a choice of area; what lies above others says so.
export const areaOptions = (areas) =>
  areas
    .filter(({ code }) => covers(code))
    .map(({ code, name, parent }) => [code, parent ? name : t("history.whole", { name })]);

export function areaName(code) {
  return live.get().areas.find((area) => area.code === code)?.name ?? code ?? "–";
}
