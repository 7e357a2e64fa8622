// The room's ears: sound, title, notifications and screen-reader announcements follow the alarms.
// Started once, draws nothing itself.
import { begunAt, inQueueOrder, isFire, isOpen, isWaiting, wantedSound } from "./alarms.js";
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

// What waits for a person and needs no telling any more, as it was told or stood here when the page was
// opened: when it began, by its id. A new fire on the row of one that still waits began later.
const told = new Map();
let round = 0; // the connection that was looked at last
let place = ""; // the name of the page that is open: what tells one tab from the other

function judge() {
  const { alarms, notices, session } = live.get();
  const open = [...alarms.values()].filter(isOpen);
  const fires = open.filter((alarm) => isFire(alarm) && isWaiting(alarm)).length;
  const where = `${place} · ${t("app.name")}`;
  document.title = fires ? `${t("app.title_fires", { n: fires })} ${where}` : where;
  play(session && !hushed() ? wantedSound(open, [...notices.values()], serverNow()) : null);
}

const isCalling = (alarm) => !!alarm && isOpen(alarm) && isWaiting(alarm);
const isNews = (alarm) => isCalling(alarm) && told.get(alarm.id) !== begunAt(alarm);
const remember = (alarm) => told.set(alarm.id, begunAt(alarm));

// What came while this page was not connected: told when it is again, as if it came now. What was told and
// is over since calls nobody any more; one that somebody took may ask again: then it is told again.
function missed() {
  const { round: present, alarms } = live.get();
  if (present === round) return [];
  const first = round === 0;
  round = present;
  const calls = (id) => isCalling(alarms.get(id));
  for (const id of [...told.keys()]) if (!calls(id)) told.delete(id);
  withdrawOthers(calls);
  const news = [...alarms.values()].filter(isNews);
  if (!first) return news;
  for (const alarm of news) remember(alarm);
  return [];
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
    const news = alarms.filter(isNews);
    if (!news.length) return;
    const again = new Set(news.filter(({ id }) => told.has(id)));
    for (const alarm of news) remember(alarm);
    news.sort(inQueueOrder("newest"));
    const fires = news.filter(isFire);
    waiting.push(...news.filter((alarm) => !isFire(alarm)));
    if (fires.length) {
      unhush();
      for (const fire of fires) notify(fire, words(fire), again.has(fire));
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
  const deaf = onAlarm((heard) => {
    const alarm = live.get().alarms.get(heard.id) ?? heard; // an older copy may come late
    if (isFire(alarm) && !isWaiting(alarm)) withdraw(alarm);
    if (!isCalling(alarm)) told.delete(alarm.id);
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

// `page`: the name of the open page, for the title.
export function Watch({ page }) {
  const [fires, setFires] = useState(null);
  const [others, setOthers] = useState(null);
  useEffect(() => {
    place = page;
    judge();
  }, [page]);
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
