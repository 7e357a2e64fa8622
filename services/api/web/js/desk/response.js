// What to do about an alarm, as the brigade has written it: beside the alarm, in the page's language.
import { get } from "../api.js";
import { pick, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { html, useEffect, useState } from "../ui.js";

const KEPT_MS = 60_000; // a change is seen a minute later at the most
let kept = { at: -Infinity, words: {} };

async function read() {
  if (Date.now() - kept.at < KEPT_MS) return kept.words;
  const { body } = await get("/api/v1/policies/responses");
  kept = { at: Date.now(), words: body };
  return body;
}

export function ToDo({ code }) {
  const [words, setWords] = useState(kept.words);
  useEffect(() => {
    read().then(setWords, () => null); // the alarm is there without it
  }, [code]);
  const text = words[code] && pick(words[code].zh, words[code].en);
  if (!text) return null;
  return html`<p class="to-do"><${Icon} name="check" size="18" /><b>${t("desk.to_do")}</b> ${text}</p>`;
}
