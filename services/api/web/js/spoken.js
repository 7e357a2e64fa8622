// Which language the pages speak after sign-in: the one that the address asks for, else the one that this
// person (or somebody on the sign-in page) chose in this browser, else the person's own.
import { applyPrefs, askedLanguage, prefs, remember } from "./prefs.js";
import { live } from "./store.js";

export function speakTheOther() {
  const language = prefs.get().language === "zh" ? "en" : "zh";
  remember({ language, chosen: { language, by: live.get().session?.username ?? "" } });
}

function languageOf({ username, language }) {
  const { chosen } = prefs.get();
  return chosen && [username, ""].includes(chosen.by) ? chosen.language : language;
}

let known; // the session that was looked at last
live.subscribe(({ session }) => {
  if (session === known) return;
  known = session;
  if (!session || askedLanguage) return;
  prefs.set({ language: languageOf(session) });
  applyPrefs();
});
