// The county's clock. Every time on every page is the county's, whatever zone the PC, the phone or a device
// is set to: two people who speak on the phone see the same hour. Pure.
//
// All of China keeps Beijing time, eight hours before UTC and without summer time since 1992, so that it is
// counted here: the browser's own zones cost an old PC a tenth of a second before the first page is drawn.
const AHEAD_MS = 8 * 3_600_000;

// What the wall clock of the county says at a moment: {year, month, day, hour, minute, second, weekday};
// empty for what is no moment.
export function wallOf(at) {
  const wall = new Date(+new Date(at) + AHEAD_MS);
  if (Number.isNaN(+wall)) return {};
  return {
    year: wall.getUTCFullYear(),
    month: wall.getUTCMonth() + 1,
    day: wall.getUTCDate(),
    hour: wall.getUTCHours(),
    minute: wall.getUTCMinutes(),
    second: wall.getUTCSeconds(),
    weekday: wall.getUTCDay(),
  };
}

// The moment at which the wall clock of the county says so.
export const momentOf = ({ year, month, day, hour = 0, minute = 0, second = 0 }) =>
  Date.UTC(year, month - 1, day, hour, minute, second) - AHEAD_MS;

const pad = (n) => String(n).padStart(2, "0");

// 2026-11; `step` months later.
export function monthOf(at, step = 0) {
  const { year, month } = wallOf(at);
  const number = year * 12 + month - 1 + step;
  return `${Math.floor(number / 12)}-${pad((number % 12) + 1)}`;
}

// For <input type="datetime-local"> and back; null: it says no time.
export function inputTime(at) {
  const { year, month, day, hour, minute } = wallOf(at);
  return `${year}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}`;
}

export function inputTimeOf(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute] = found.slice(1).map(Number);
  return momentOf({ year, month, day, hour, minute });
}
