// Decisions about alarms as the desk sees them. Pure: alarms and a time in, a verdict out.

import { SEVERITIES } from "./words/lists.js";

// Contract: a critical alarm not accepted by the desk within 60 s is loud and red.
const NOT_TAKEN_AFTER_MS = 60_000;

export const isOpen = (alarm) => alarm.state !== "closed";
export const isShelved = (alarm, now) => !!alarm.shelved_until && Date.parse(alarm.shelved_until) > now;
// Its device is out of service: the alarm says so, whatever it is; a fire counts as ever.
export const isOut = ({ out_of_service }, now) =>
  !!out_of_service && Date.parse(out_of_service.until) > now;
export const isFire = (alarm) => alarm.category === "fire";
export const isUnverified = (alarm) => isFire(alarm) && ["none", "pending"].includes(alarm.verification);
// A fire whose condition is over still waits for a person; anything else that returned no longer calls.
export const isWaiting = (alarm) =>
  alarm.state === "unacknowledged" || (alarm.state === "returned" && isFire(alarm));
// When what it says now began: a new fire may begin, or a condition come back, on a row that is open.
export const begunAt = (alarm) => alarm.since ?? alarm.opened_at;
export const rank = (alarm) => SEVERITIES.indexOf(alarm.severity);

// Fires first, then the worst; inside a severity what nobody took, then by when it began ("oldest" or
// "newest" first). A fire keeps its place when somebody takes it: the next press must not meet another
// row.
export function inQueueOrder(order) {
  const sign = order === "newest" ? -1 : 1;
  return (a, b) =>
    Number(isFire(b)) - Number(isFire(a))
    || rank(a) - rank(b)
    || (!isFire(a) && Number(isWaiting(b)) - Number(isWaiting(a)))
    || sign * (Date.parse(begunAt(a)) - Date.parse(begunAt(b)))
    || a.id - b.id;
}

// Milliseconds until the unverified fire goes to 119 by itself; null when no clock runs.
export function untilEscalation(alarm, now) {
  if (!alarm.escalates_at || !isOpen(alarm)) return null;
  return Date.parse(alarm.escalates_at) - now;
}

// Critical, not shelved, and nobody took it for a minute.
export function isOverdue(alarm, now) {
  return (
    isOpen(alarm)
    && alarm.severity === "critical"
    && isWaiting(alarm)
    && !(isShelved(alarm, now) && !isFire(alarm))
    && now - Date.parse(alarm.opened_at) > NOT_TAKEN_AFTER_MS
  );
}

// A fire notice that 119 has not taken; a call to a contact is none of its. The law gives 3 s (GB 50440):
// from then on it is said, with the seconds. After a minute, or when it never will be taken, it is loud and
// red.
const LATE_AFTER_MS = 3000;
const isTo119 = ({ channel }) => channel === "desk";
const untaken = (notice) =>
  notice.fire && isTo119(notice) && ["waiting", "held", "dead"].includes(notice.state);
const sinceMade = (notice, now) => now - Date.parse(notice.created_at);
export const isLate = (notice, now) =>
  untaken(notice) && sinceMade(notice, now) >= LATE_AFTER_MS;
export const isUndelivered = (notice, now) =>
  untaken(notice) && (notice.state === "dead" || sinceMade(notice, now) > NOT_TAKEN_AFTER_MS);

// A fire waits and nothing has even been tried:
// no address of 119 is set, or the program that calls it does not run.
const UNTRIED_AFTER_MS = 5000;
export function nobodyCalls(notices, now) {
  const waiting = notices.filter(
    (notice) => notice.fire && isTo119(notice) && notice.state === "waiting",
  );
  return (
    waiting.every((notice) => !notice.attempts)
    && waiting.some((notice) => now - Date.parse(notice.created_at) > UNTRIED_AFTER_MS)
  );
}

// What became of a fire's way to 119: its confirmation if there is one, else its escalation.
export function dispatchOf(notices, alarm_id) {
  const sent = notices.filter(
    (notice) =>
      notice.alarm_id === alarm_id
      && isTo119(notice)
      && ["fire.confirmed", "alarm.escalated"].includes(notice.type)
      && notice.state !== "withdrawn",
  );
  return sent.find((notice) => notice.type === "fire.confirmed") ?? sent[0] ?? null;
}

export function countBySeverity(alarms, now) {
  const counts = { critical: 0, major: 0, minor: 0, info: 0 };
  for (const alarm of alarms) if (isOpen(alarm) && !isShelved(alarm, now)) counts[alarm.severity] += 1;
  return counts;
}

// What the sound of the room has to be: "siren", "call" or null.
export function wantedSound(alarms, notices, now) {
  const open = alarms.filter(isOpen);
  if (open.some((alarm) => isOverdue(alarm, now))) return "siren";
  if (nobodyCalls(notices, now) || notices.some((notice) => isUndelivered(notice, now))) return "siren";
  if (open.some((alarm) => isFire(alarm) && isWaiting(alarm))) return "call";
  if (open.some((alarm) => alarm.severity === "critical" && isWaiting(alarm) && !isShelved(alarm, now)))
    return "call";
  return null;
}
