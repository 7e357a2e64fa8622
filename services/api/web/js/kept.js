// What this browser keeps for a place without a network: who is signed in, the last list of water and from
// where it was asked, when the server was heard last. It is one person's: signing out, a refused session or
// another person's sign-in delete it.
import { forgetAll, live } from "./store.js";

const PREFIX = "firetower-kept.";
const NAMES = ["session", "water", "heard"];
const LONGEST_MS = 7 * 86_400_000; // as long as a session lasts unused

export function kept(name) {
  try {
    const { at, value } = JSON.parse(localStorage.getItem(PREFIX + name)) ?? {};
    return at && Date.now() - at < LONGEST_MS ? value : null;
  } catch {
    return null;
  }
}

export function keep(name, value) {
  if (!live.get().session) return; // an answer that was on its way when its reader signed out
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify({ at: Date.now(), value }));
  } catch {
    /* private window, or full: works with a network only */
  }
}

export function forget() {
  try {
    for (const name of NAMES) localStorage.removeItem(PREFIX + name);
  } catch {
    /* nothing was kept */
  }
}

export const identity = (session) => [session.username, session.role, ...session.areas].join(" ");

let known; // the session that was looked at last
let last = null; // whose it was, or the one's before nobody was signed in
live.subscribe(({ session }) => {
  if (session === known || session === undefined) return;
  known = session;
  if (!session) live.set({ connection: "connecting", loaded: false }); // nothing is read for the next
  else if (last !== null && last !== identity(session)) forgetAll();
  if (session) last = identity(session);
  const before = kept("session");
  if (!session || (before && identity(before) !== identity(session))) forget();
  if (session && session.role !== "wall") keep("session", session);
});
