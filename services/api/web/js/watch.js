// The room's ears: sound, title and screen-reader announcements follow the alarms.
// Started once, draws nothing itself.
import { isFire, isOpen, isWaiting, wantedSound } from "./alarms.js";
import { serverNow } from "./clock.js";
import { language, t } from "./i18n.js";
import { alarmName, alarmPlace } from "./parts.js";
import { notify, withdraw } from "./notifications.js";
import { chime, hushed, play, unhush, wakeSound } from "./sound.js";
import { live } from "./store.js";
import { onAlarm } from "./stream.js";
import { html, useEffect, useState } from "./ui.js";

const seen = new Set();
// What browsers take for a person's wish to hear; and somebody comes back to a page that lost its sound.
const GESTURES = ["pointerdown", "click", "keydown", "visibilitychange"];

function judge() {
  const { alarms, notices, session } = live.get();
  const open = [...alarms.values()].filter(isOpen);
  const fires = open.filter((alarm) => isFire(alarm) && isWaiting(alarm)).length;
  document.title = fires ? `${t("app.title_fires", { n: fires })} ${t("app.name")}` : t("app.name");
  play(session && !hushed() ? wantedSound(open, [...notices.values()], serverNow()) : null);
}

export function Watch() {
  const [said, say] = useState({ words: "", lang: "zh" });
  useEffect(() => {
    const timer = setInterval(judge, 1000);
    const leave = live.subscribe(judge);
    const deaf = onAlarm((alarm) => {
      if (isFire(alarm) && !isWaiting(alarm)) withdraw(alarm);
      if (!isOpen(alarm) || !isWaiting(alarm) || seen.has(alarm.id)) return;
      seen.add(alarm.id);
      const words = t(isFire(alarm) ? "announce.fire" : "announce.alarm", {
        what: alarmName(alarm),
        where: alarmPlace(alarm),
      });
      if (isFire(alarm)) {
        unhush();
        notify(alarm, words);
      } else chime();
      say({ words, lang: language() });
    });
    wakeSound();
    for (const name of GESTURES) addEventListener(name, wakeSound);
    return () => {
      for (const name of GESTURES) removeEventListener(name, wakeSound);
      clearInterval(timer);
      leave();
      deaf();
      play(null);
    };
  }, []);
  return html`<div class="unseen" role="log" aria-live="assertive" lang=${said.lang}>${said.words}</div>`;
}
