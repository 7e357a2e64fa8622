// What the page gives to keep: a whole list as one CSV file, however many parts the server gives it in, or a
// file as the server makes it.
import { answerOf, bodyOf, query } from "./api.js";
import { serverNow } from "./clock.js";
import { dayNumber } from "./format.js";
import { t } from "./i18n.js";

const PART = 1000;
const BYTE_ORDER_MARK = "\ufeff"; // without it Excel misreads Chinese

// The address of the part behind this one, from its `Link: <?…>; rel="next"`.
const nextOf = (answer) => answer.headers.get("Link")?.match(/<(\?[^>]*)>; *rel="next"/)?.[1];

// What a file is called: what it is and of which days, as 告警-2026-11-22_2026-11-28.csv; without any, of
// today.
export function fileName(what, from = "", to = "", ending = "csv") {
  const today = dayNumber(serverNow());
  const days = [...new Set([from || to || today, to || today])].join("_");
  return `${t(`file.${what}`)}-${days}.${ending}`;
}

// Lines of cells as they are written, quotes and all (RFC 4180).
function linesOf(text) {
  const lines = [[]];
  for (const [, cell, end] of text.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/g)) {
    lines.at(-1).push(cell);
    if (end && end !== ",") lines.push([]);
  }
  return lines.filter((cells) => cells.length > 1 || cells[0]);
}

// One table of several, each with its line of names: of other kinds, it has other columns in other places.
function oneTable(texts) {
  const tables = texts.map(linesOf);
  const names = [...new Set(tables.flatMap(([first]) => first ?? []))];
  const inOrder = ([first = [], ...lines]) => {
    const places = names.map((name) => first.indexOf(name));
    return lines.map((cells) => places.map((place) => cells[place] ?? ""));
  };
  return [names, ...tables.flatMap(inOrder)].map((cells) => `${cells.join(",")}\r\n`).join("");
}

export async function download(path, values, name) {
  const texts = [];
  for (let from = query(path, { ...values, format: "csv", limit: PART }); from; ) {
    const answer = await answerOf("GET", from);
    texts.push(await bodyOf(answer, "text"));
    const next = nextOf(answer);
    from = next && path + next;
  }
  const whole = texts.length === 1 ? texts[0] : oneTable(texts);
  keep(new Blob([BYTE_ORDER_MARK, whole], { type: "text/csv" }), name);
}

const FILE_LIMIT_MS = 120_000; // a workbook of 20 000 lines, behind another one

// The server names the file, in the page's language: filename*=UTF-8''… (RFC 5987).
const namedIn = (answer) =>
  answer.headers.get("Content-Disposition")?.match(/filename\*=UTF-8''([^;]+)/)?.[1] ?? "";

export async function downloadFile(path, values) {
  const answer = await answerOf("GET", query(path, values), { limit_ms: FILE_LIMIT_MS });
  keep(await bodyOf(answer, "blob"), decodeURIComponent(namedIn(answer)));
}

function keep(blob, name) {
  const file = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: file, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
}
