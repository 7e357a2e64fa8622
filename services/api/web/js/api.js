// Calls to our own API: JSON in, JSON out, a Problem thrown on anything else. Every call has a time limit.
import { serverNow, syncClock } from "./clock.js";
import { live } from "./store.js";

const TIME_LIMIT_MS = 12_000;

// A refusal. `code` is stable and has its words in the tables; `detail` is the server's own sentence, in
// English, `detail_zh` the same in Chinese where the server has it, `errors` what is wrong field by field.
export class Problem extends Error {
  constructor(status, { title = "", detail = "", detail_zh = "", type = "", errors = [] }) {
    super(detail || title || type);
    Object.assign(this, { status, title, detail, detail_zh, errors, code: type.split(":").at(-1) });
  }
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const broken = (cause) => new Problem(0, { type: cause.name === "TimeoutError" ? "timeout" : "unreachable" });

// The answer as it came. Its body is read by the caller, a refusal is thrown. With a `type` the body is sent
// as it is, else as JSON.
export async function answerOf(method, path, { body, type, version, key, limit_ms = TIME_LIMIT_MS } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (method === "POST") headers["Idempotency-Key"] = key ?? newKey();
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined || type ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(limit_ms),
    });
  } catch (cause) {
    throw broken(cause);
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && live.get().session) live.set({ session: null, endedAt: serverNow() });
  const data = await answer.json().catch(() => null);
  throw new Problem(answer.status, data ?? { title: answer.statusText });
}

// The body of an answer, as "json", "text" or "blob". One that broke off on its way, or that something
// between put in its place, is no answer.
export const bodyOf = (answer, as) =>
  answer[as]().catch((cause) => {
    throw broken(cause);
  });

async function call(method, path, options) {
  const sentAt = Date.now();
  const answer = await answerOf(method, path, options);
  if (answer.status === 204) return null;
  const data = await bodyOf(answer, "json");
  syncClock(data?.now, sentAt);
  return data;
}

// Keys of what was sent and not answered: the server may have done it, and the same again is the same act,
// for as long as somebody waits for it. Later it is another one.
const SAME_ACT_MS = 120_000;
const unanswered = new Map();

async function act(path, body, version, given) {
  const said = "password" in body ? null : JSON.stringify([path, body, version]);
  const before = unanswered.get(said);
  const key = given ?? (before && performance.now() - before.at < SAME_ACT_MS ? before.key : newKey());
  unanswered.delete(said);
  try {
    return await call("POST", path, { body, version, key });
  } catch (problem) {
    if (said && (problem.status === 0 || problem.status >= 500))
      unanswered.set(said, { key, at: performance.now() });
    throw problem;
  }
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body = {}, version, key) => act(path, body, version, key);
// A file.
export const send = (path, body, type, options) => call("POST", path, { body, type, ...options });
export const put = (path, body, version) => call("PUT", path, { body, version });
export const patch = (path, body, version) => call("PATCH", path, { body, version });
export const remove = (path, version) => call("DELETE", path, { version });

export function query(path, values) {
  const filled = Object.entries(values).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  return filled.length ? `${path}?${new URLSearchParams(filled)}` : path;
}

// All pages of a list, up to `most` items.
export async function getAll(path, values = {}, most = 20_000) {
  const items = [];
  let cursor;
  do {
    const page = await get(query(path, { limit: 1000, ...values, cursor }));
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}
