// Chinese first, English second. `t("desk.title", {n: 3})`; English counts: "{n} {n|alarm|alarms}".
// `pick(zh, en)` for texts that come from the server.
import { prefs } from "./prefs.js";
import { en } from "./words/en.js";
import { zh } from "./words/zh.js";

const WORDS = { zh, en };

// A page that is opened seldom brings its words along.
export function learn(tables) {
  for (const [name, table] of Object.entries(tables)) Object.assign(WORDS[name], table);
}

export const language = () => prefs.get().language;

export function t(key, values) {
  const text = WORDS[language()]?.[key] ?? WORDS.zh[key] ?? key;
  if (!values) return text;
  return text
    .replace(/\{(\w+)\|([^|}]*)\|([^|}]*)\}/g, (_, name, one, many) =>
      String(values[name]) === "1" ? one : many,
    )
    .replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A word of a closed list, or the raw text when the server is newer than this page.
export function word(group, name) {
  if (name === null || name === undefined || name === "") return "–";
  const key = `${group}.${name}`;
  const text = t(key);
  return text === key ? String(name) : text;
}

export const pick = (zhText, enText) => (language() === "en" ? enText || zhText : zhText || enText) ?? "";
