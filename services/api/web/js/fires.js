// Alarms as one works through them: the fires of one site together, alarms of one cause as one line, and
// which fire comes next. Pure: alarms in, an order out.
import { begunAt, isFire, isOpen, isUnverified, isWaiting } from "./alarms.js";

const INCIDENT_FROM = 3;

// The site of a fire; a device without a site stands for itself.
export const placeOf = (alarm) => (alarm.site?.id ? `site-${alarm.site.id}` : `device-${alarm.device}`);

function groupOf(alarm) {
  if (isFire(alarm)) return placeOf(alarm);
  return alarm.incident_id ? `incident-${alarm.incident_id}` : null;
}

const byBegin = (a, b) => Date.parse(begunAt(a)) - Date.parse(begunAt(b)) || a.id - b.id;

// The lines of the queue for alarms in its order: {key, alarms}. Several alarms are a group, which stands
// where its first member stands. Fires inside a group go by when they began, so that the first-out leads.
export function linesOf(alarms) {
  const members = new Map();
  for (const alarm of alarms) {
    const group = groupOf(alarm);
    if (group) members.set(group, [...(members.get(group) ?? []), alarm]);
  }
  const lines = [];
  for (const alarm of alarms) {
    const group = groupOf(alarm);
    const all = members.get(group) ?? [alarm];
    if (all.length < (isFire(alarm) ? 2 : INCIDENT_FROM)) lines.push({ key: alarm.id, alarms: [alarm] });
    else if (all[0] === alarm)
      lines.push({ key: group, alarms: isFire(alarm) ? [...all].sort(byBegin) : all });
  }
  return lines;
}

// The open fires whose clock no verdict has stopped, by site: those that nobody took first, then by age.
export function burning(alarms) {
  const fires = [...alarms].filter((alarm) => isOpen(alarm) && isFire(alarm) && isUnverified(alarm));
  const waits = (line) => Number(line.alarms.some(isWaiting));
  return linesOf(fires.sort(byBegin)).sort((a, b) => waits(b) - waits(a));
}

// The fire to go to after `from`: the next below it that nobody took, from the top again at the end; where
// all are taken, the next without a verdict. `passed` are the ids that are being dealt with.
export function nextFire(rows, from, passed) {
  const at = rows.findIndex((alarm) => alarm.id === from);
  const round = [...rows.slice(at + 1), ...rows.slice(0, Math.max(0, at))];
  const left = round.filter((alarm) => isFire(alarm) && isOpen(alarm) && !passed.has(alarm.id));
  return left.find(isWaiting) ?? null;
}

export function nextUnjudged(rows, from) {
  const at = rows.findIndex((alarm) => alarm.id === from);
  const round = [...rows.slice(at + 1), ...rows.slice(0, Math.max(0, at))];
  return round.find((alarm) => isFire(alarm) && isOpen(alarm) && isUnverified(alarm)) ?? null;
}
