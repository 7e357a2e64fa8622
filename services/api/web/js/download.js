// A whole list as one CSV file, however many parts the server gives it in.
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
  const file = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: file, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
}
