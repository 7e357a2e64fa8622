// The room's ears: sound, title, notifications and screen-reader announcements follow the alarms.
// Started once, draws nothing itself.
import { inQueueOrder, isFire, isOpen, isWaiting, wantedSound } from "./alarms.js";
import { serverNow } from "./clock.js";
import { language, t } from "./i18n.js";
import { alarmName, alarmPlace } from "./parts.js";
import { notify, withdraw, withdrawOthers } from "./notifications.js";
import { chime, hushed, play, unhush, wakeSound } from "./sound.js";
import { live } from "./store.js";
import { onAlarm } from "./stream.js";
import { html, useEffect, useState } from "./ui.js";

// What browsers take for a person's wish to hear; and somebody comes back to a page that lost its sound.
const GESTURES = ["pointerdown", "click", "keydown", "visibilitychange"];
const SAID_TOGETHER_MS = 4000; // alarms that are no fire: a flood of them is one sentence now and then

const seen = new Set(); // that were told, and wait for a person since
const known = new Map(); // what was open when the page was connected last, or came since: did it wait then?
let round = 0; // the connection that `known` is of

function judge() {
  const { alarms, notices, session } = live.get();
  const open = [...alarms.values()].filter(isOpen);
  const fires = open.filter((alarm) => isFire(alarm) && isWaiting(alarm)).length;
  document.title = fires ? `${t("app.title_fires", { n: fires })} ${t("app.name")}` : t("app.name");
  play(session && !hushed() ? wantedSound(open, [...notices.values()], serverNow()) : null);
}

// One that somebody took may ask again: then it is told again.
function remember(alarm) {
  known.set(alarm.id, isWaiting(alarm));
  if (!isWaiting(alarm)) seen.delete(alarm.id);
  if (!isOpen(alarm)) known.delete(alarm.id);
}

function isCalling(id) {
  const alarm = live.get().alarms.get(id);
  return !!alarm && isOpen(alarm) && isWaiting(alarm);
}

// What came while this page was not connected: told when it is again, as if it came now. What was told and
// is over since calls nobody any more.
function missed() {
  const { round: present, alarms } = live.get();
  if (present === round) return [];
  const first = round === 0;
  round = present;
  const open = [...alarms.values()].filter(isOpen);
  const fresh = open.filter((alarm) => !known.get(alarm.id));
  for (const alarm of open) remember(alarm);
  withdrawOthers(isCalling);
  return first ? [] : fresh;
}

const words = (alarm) =>
  t(isFire(alarm) ? "announce.fire" : "announce.alarm", {
    what: alarmName(alarm),
    where: alarmPlace(alarm),
  });

const sentence = ([first, ...more]) =>
  words(first) + (more.length ? t("announce.more", { n: more.length }) : "");

// Tells `hearFires` of fires at once, `hearOthers` of all else every few seconds at most. Returns what ends
// it.
function listen(hearFires, hearOthers) {
  let waiting = [];
  let saidAt = -Infinity;
  const sayOthers = () => {
    if (!waiting.length || performance.now() - saidAt < SAID_TOGETHER_MS) return;
    hearOthers(waiting);
    saidAt = performance.now();
    waiting = [];
  };
  const tell = (alarms) => {
    const news = alarms.filter((alarm) => isOpen(alarm) && isWaiting(alarm) && !seen.has(alarm.id));
    if (!news.length) return;
    for (const { id } of news) seen.add(id);
    news.sort(inQueueOrder("newest"));
    const fires = news.filter(isFire);
    waiting.push(...news.filter((alarm) => !isFire(alarm)));
    if (fires.length) {
      unhush();
      for (const fire of fires) notify(fire, words(fire));
      hearFires(fires);
    } else chime();
    sayOthers();
  };
  const look = () => {
    tell(missed());
    judge();
  };
  look();
  const timer = setInterval(() => {
    sayOthers();
    judge();
  }, 1000);
  const leave = live.subscribe(look);
  const deaf = onAlarm((alarm) => {
    if (isFire(alarm) && !isWaiting(alarm)) withdraw(alarm);
    remember(alarm);
    tell([alarm]);
  });
  return () => {
    clearInterval(timer);
    leave();
    deaf();
  };
}

// Each announcement is an element of its own: the same words once more are said once more.
const Said = ({ said, live: urgency }) => html`<div class="unseen" role="log" aria-live=${urgency}>
  ${said && html`<p key=${said.number} lang=${said.lang}>${said.text}</p>`}
</div>`;

export function Watch() {
  const [fires, setFires] = useState(null);
  const [others, setOthers] = useState(null);
  useEffect(() => {
    let number = 0;
    const say = (set) => (alarms) => set({ number: (number += 1), text: sentence(alarms), lang: language() });
    const stop = listen(say(setFires), say(setOthers));
    wakeSound();
    for (const name of GESTURES) addEventListener(name, wakeSound);
    return () => {
      for (const name of GESTURES) removeEventListener(name, wakeSound);
      stop();
      play(null);
    };
  }, []);
  return html`
    <${Said} said=${fires} live="assertive" />
    <${Said} said=${others} live="polite" />
  `;
}
