// The question behind an act, for one alarm or several: what it is about, what follows, and the answer on its
// way.
import { begunAt, isFire, isOpen, isShelved, isUnverified } from "../alarms.js";
import { get, Problem } from "../api.js";
import { t, word } from "../i18n.js";
import { may } from "../may.js";
import { alarmName, siteOrDevice } from "../parts.js";
import { live, putAlarms } from "../store.js";
import { html } from "../ui.js";
import { addNote, clear, correct, shelve, verify } from "./acts.js";
import { isTakable } from "./deeds.js";
import { AskDialog, CorrectDialog, NoteDialog, UntilDialog, VerifyDialog } from "./dialogs.js";
import { draftOf } from "./drafts.js";

export const VERDICTS = ["real", "false", "test"];
const MOST_NAMED = 4;

// What this person may do to this alarm now.
export function possible(alarm, now) {
  const acting = may("act");
  const judging = acting && isFire(alarm) && isOpen(alarm) && isUnverified(alarm);
  return {
    acknowledge: acting && isTakable(alarm),
    real: judging,
    false: judging,
    test: judging,
    note: may("operate"),
    shelve: acting && !isFire(alarm) && isOpen(alarm) && !isShelved(alarm, now),
    unshelve: acting && isShelved(alarm, now),
    clear: acting && isOpen(alarm) && !isUnverified(alarm),
    correct: acting && !isOpen(alarm) && VERDICTS.includes(alarm.verification),
  };
}

// Why an act does not apply to this alarm, in words.
export function whyNot(name, alarm) {
  if (!may(name === "note" ? "operate" : "act")) return t("desk.viewer");
  const state = [word("state", alarm.state), isFire(alarm) && word("verification", alarm.verification)];
  return t("desk.not_now", { act: t(`desk.${name}`), state: state.filter(Boolean).join(" · ") });
}

// "County hospital · 1-1-001": what a dialog is about.
function subjectOf(alarms) {
  const named = alarms.slice(0, MOST_NAMED).map((alarm) => {
    const place = siteOrDevice(alarm);
    return [alarmName(alarm), place, alarm.zone, alarm.component].filter(Boolean).join(" · ");
  });
  const more = alarms.length - named.length;
  return more > 0 ? [...named, t("desk.and_more", { n: more })] : named;
}

const RANK = ["suspected", "probable", "confirmed"];
const isNoWorse = (now, before) =>
  now.severity === before.severity
  && RANK.indexOf(now.confidence) <= RANK.indexOf(before.confidence)
  && begunAt(now) === begunAt(before);

// What a person was told of an alarm since they were asked about it, by the alarm as it was then.
const toldOf = new WeakMap();

// Refuses a verdict on what grew worse since it was told, or on a new fire that began there; the next press
// is a verdict on what it is now.
function mustBeSame(alarm, newest) {
  const before = toldOf.get(alarm) ?? alarm;
  toldOf.set(alarm, newest);
  if (isNoWorse(newest, before)) return;
  throw Object.assign(new Problem(412, { type: "version_conflict" }), { text: t("dialog.grew_worse") });
}

// A verdict on one fire changes the version of the others of its site. One that grew no worse meanwhile is
// still what the person judged. Who says real is never refused.
async function judge(alarm, outcome, note) {
  const shown = live.get().alarms.get(alarm.id) ?? alarm;
  if (outcome !== "real") mustBeSame(alarm, shown);
  try {
    await verify(shown, outcome, note);
  } catch (refused) {
    if (refused.status !== 412) throw refused;
    const newest = await get(`/api/v1/alarms/${alarm.id}`);
    putAlarms([newest]);
    mustBeSame(alarm, newest);
    await verify(newest, outcome, note);
  }
}

// One after the other; the first refusal stops and is told. What is done by then is done, and is not sent
// again by the next try.
async function judgeAll(alarms, outcome, note) {
  const left = (alarm) => {
    const shown = live.get().alarms.get(alarm.id) ?? alarm;
    return alarms.length === 1 || (isOpen(shown) && isUnverified(shown));
  };
  for (const alarm of alarms.filter(left)) await judge(alarm, outcome, note);
}

export function Asked({ ask, onClose, onDone }) {
  const { name, alarms } = ask;
  const about = subjectOf(alarms);
  const draft = draftOf(ask);
  const close = () => {
    draft.drop();
    onClose();
  };
  const done = (act) => (answer) => act(answer).then(() => onDone(ask));
  if (VERDICTS.includes(name))
    return html`<${VerifyDialog}
      outcome=${name}
      about=${about}
      draft=${draft}
      onClose=${close}
      onGo=${done(({ note }) => judgeAll(alarms, name, note))}
    />`;
  const [alarm] = alarms;
  if (name === "note")
    return html`<${NoteDialog}
      about=${about}
      draft=${draft}
      onClose=${close}
      onGo=${done(({ note }) => addNote(alarm, note))}
    />`;
  if (name === "correct")
    return html`<${CorrectDialog}
      about=${about}
      was=${alarm.verification}
      draft=${draft}
      onClose=${close}
      onGo=${done(({ outcome, note }) => correct(alarm, outcome, note))}
    />`;
  if (name === "shelve")
    return html`<${UntilDialog}
      title=${t("dialog.shelve_title")}
      line=${t("dialog.shelve_line")}
      about=${about}
      draft=${draft}
      onClose=${close}
      onGo=${(until, reason) => shelve(alarm, until, reason)}
    />`;
  return html`<${AskDialog}
    title=${t("dialog.clear_title")}
    line=${t("dialog.clear_line")}
    about=${about}
    onClose=${close}
    onGo=${() => clear(alarm)}
  />`;
}
