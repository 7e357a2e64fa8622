// A line of the wall: one alarm with its part and device, the fires of one site with their parts, or one
// cause with its effects.
import { begunAt, isFire, isOverdue, isUnverified, isWaiting, untilEscalation } from "../alarms.js";
import { age, countdown } from "../format.js";
import { SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { alarmName, alarmPlace, classes, deviceName, partOf, siteOrDevice } from "../parts.js";
import { html } from "../ui.js";

const MOST_PARTS = 4; // more names are not read from five metres
const RANK = ["suspected", "probable", "confirmed"];

const strongest = (alarms) =>
  alarms.map(({ confidence }) => confidence).sort((a, b) => RANK.indexOf(b) - RANK.indexOf(a))[0];

// "3F east 1-1-001、1-1-002 and 5 more"; alarms of other codes are named by what they are.
function partsOf(alarms) {
  const nameOf = (alarm) => (isFire(alarm) ? partOf(alarm) || deviceName(alarm) : alarmName(alarm));
  const names = [...new Set(alarms.map(nameOf))];
  const more = names.length - MOST_PARTS;
  return names.slice(0, MOST_PARTS).join("、") + (more > 0 ? ` ${t("desk.and_more", { n: more })}` : "");
}

// What stands in large and in small letters: what it is, and where.
function wordsOf(alarms) {
  const [first] = alarms;
  if (alarms.length === 1) return { name: alarmName(first), place: alarmPlace(first) };
  const name = isFire(first) ? siteOrDevice(first) : first.incident_title || alarmName(first);
  const many = t(isFire(first) ? "desk.fires" : "desk.members", { n: alarms.length });
  return { name, many, place: partsOf(alarms) };
}

export function Line({ alarms, now }) {
  const [first] = alarms; // of fires the first-out
  const waiting = alarms.filter(isWaiting);
  const clocks = alarms.filter(isUnverified).map((alarm) => untilEscalation(alarm, now) ?? Infinity);
  const left_ms = Math.min(...clocks, Infinity);
  const oldest = alarms.map(begunAt).sort()[0];
  const { name, many, place } = wordsOf(alarms);
  const state = word("state", (waiting[0] ?? first).state);
  return html`<li
    class=${classes(
      `wall-alarm row-${first.severity}`,
      waiting.length && "waiting",
      alarms.some((alarm) => isOverdue(alarm, now)) && "loud",
      isFire(first) && "fire",
    )}
    data-alarm=${first.id}
  >
    <${SeverityMark} severity=${first.severity} size="26" />
    <div>
      <b>
        ${name}${many && html`${" "}<em>${many}</em>`}
        ${isFire(first) && html`${" "}<em>${word("confidence", strongest(alarms))}</em>`}
      </b>
      <span>${place}</span>
    </div>
    <div class="wall-time">
      ${left_ms > 0 && left_ms < Infinity
        ? html`<b class="left">${countdown(left_ms)}</b>`
        : html`<b>${age(oldest, now)}</b>`}
      <span>${state}${waiting.length > 0 && alarms.length > 1 ? ` ${waiting.length}` : ""}</span>
    </div>
  </li>`;
}
