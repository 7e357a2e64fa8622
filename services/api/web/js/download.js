// What the page gives to keep: a whole list as one CSV file, however many parts the server gives it in, or a
// file as the server makes it.
import { answerOf, query } from "./api.js";

const PART = 1000;
const BYTE_ORDER_MARK = "\ufeff"; // without it Excel misreads Chinese

// The address of the part behind this one, from its `Link: <?…>; rel="next"`.
const nextOf = (answer) => answer.headers.get("Link")?.match(/<(\?[^>]*)>; *rel="next"/)?.[1];

export async function download(path, values, name) {
  const parts = [BYTE_ORDER_MARK];
  for (let from = query(path, { ...values, format: "csv", limit: PART }); from; ) {
    const answer = await answerOf("GET", from);
    const text = await answer.text();
    const ends = text.indexOf("\n") + 1;
    parts.push(parts.length === 1 ? text : text.slice(ends)); // each part has the line of names
    const next = nextOf(answer);
    from = next && path + next;
  }
  keep(new Blob(parts, { type: "text/csv" }), name);
}

const FILE_LIMIT_MS = 120_000; // a workbook of 20 000 lines, behind another one

export async function downloadFile(path, values, name) {
  const answer = await answerOf("GET", query(path, values), { limit_ms: FILE_LIMIT_MS });
  keep(await answer.blob(), name);
}

function keep(blob, name) {
  const file = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: file, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
}
