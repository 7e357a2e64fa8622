// What somebody has typed as the reason of an act and not sent. A session ends, a page is left by a slip: the
// words are there again when the same person asks for the same act. Who cancels gives them up.
import { live } from "../store.js";

const drafts = new Map();

const keyOf = (ask) => [live.get().session?.username, ask.name, ...ask.alarms.map(({ id }) => id)].join(" ");

export function draftOf(ask) {
  const key = keyOf(ask);
  return {
    text: drafts.get(key) ?? "",
    keep: (text) => drafts.set(key, text),
    drop: () => drafts.delete(key),
  };
}
