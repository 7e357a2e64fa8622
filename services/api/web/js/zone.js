// The county's clock. Every time on every page is the county's, whatever zone the PC, the phone or a device
// is set to: two people who speak on the phone see the same hour. All of China keeps Beijing time. Pure.
const ZONE = "Asia/Shanghai";
const MINUTES = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  ...MINUTES,
  second: "2-digit",
  hourCycle: "h23",
  timeZone: ZONE,
});

// What the wall clock of the county says at a moment: {year, month, day, hour, minute, second, weekday};
// empty for what is no moment.
export function wallOf(at) {
  const time = new Date(at);
  if (Number.isNaN(+time)) return {};
  const parts = CLOCK.formatToParts(time).map(({ type, value }) => [type, Number(value)]);
  const wall = Object.fromEntries(parts);
  return { ...wall, weekday: new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay() };
}

const asUtc = ({ year, month, day, hour = 0, minute = 0, second = 0 }) =>
  Date.UTC(year, month - 1, day, hour, minute, second);

// The moment at which the wall clock of the county says so.
export function momentOf(wall) {
  const wanted = asUtc(wall);
  const near = wanted - (asUtc(wallOf(wanted)) - wanted);
  return near + (wanted - asUtc(wallOf(near))); // once more: the offset may be another one there
}

const pad = (n) => String(n).padStart(2, "0");

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
