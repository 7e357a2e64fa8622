// What was answered and is not sent yet: a phone may lose its network, or its page, beside a hydrant.
import { live } from "../store.js";

const PREFIX = "firetower-inspect.";
const LONGEST_MS = 12 * 3600 * 1000; // of answers that nobody sent: later it is another visit

// An id by RFC 9562, version 4. `crypto.randomUUID` is there over HTTPS only.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const keyOf = (code) => `${PREFIX}${live.get().session?.username}.${code}`;

export function begin(code) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(code)));
    const sent = kept?.inspected_at; // and not taken yet: it waits for a network for as long as that takes
    const old = !sent && Date.now() - (kept?.kept_at ?? Date.now()) > LONGEST_MS;
    if (kept?.request_id && kept.answers && !old) return kept;
  } catch {
    /* nothing was kept, or nothing can be */
  }
  return { answers: {}, note: "", photo: null, ...renewed() };
}

export const renewed = () => ({ request_id: newId(), inspected_at: null });

// A photo that finds no room is missing later, and that is remembered.
export function keepDraft(code, draft) {
  const whole = { ...draft, kept_at: Date.now() };
  const bare = { ...whole, photo: null, photo_lost: Boolean(draft.photo) };
  for (const kept of [whole, bare]) {
    try {
      localStorage.setItem(keyOf(code), JSON.stringify(kept));
      return;
    } catch {
      /* private window, or full: lives as long as the page */
    }
  }
}

export function drop(code) {
  try {
    localStorage.removeItem(keyOf(code));
  } catch {
    /* nothing was kept */
  }
}
