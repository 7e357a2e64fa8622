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

export async function download(path, values, name) {
  const parts = [BYTE_ORDER_MARK];
  for (let from = query(path, { ...values, format: "csv", limit: PART }); from; ) {
    const answer = await answerOf("GET", from);
    const text = await bodyOf(answer, "text");
    const ends = text.indexOf("\n") + 1;
    parts.push(parts.length === 1 ? text : text.slice(ends)); // each part has the line of names
    const next = nextOf(answer);
    from = next && path + next;
  }
  keep(new Blob(parts, { type: "text/csv" }), name);
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
