// The server's clock as seen from the browser: ages and countdowns must not depend on a wrong PC clock.
import { useEffect, useState } from "./ui.js";

const TRUSTED_FOR_MS = 30_000;

let offset_ms = 0;
let doubt_ms = Infinity; // by how much the offset may be wrong
let measuredAt = 0;
const readers = new Set();
let timer = 0;
let beats = 0;

export const serverNow = () => Date.now() + offset_ms;

// `now` is the server's time in an answer; half the round trip is taken off by the caller's `sentAt`. An
// answer that was long on its way, or waited for a busy page, does not replace a better one of just now.
// Without `sentAt` the way is not known: the server's time is at least that.
export function syncClock(now, sentAt) {
  const at = Date.parse(now);
  if (!Number.isFinite(at)) return;
  const receivedAt = Date.now();
  if (sentAt === undefined) {
    offset_ms = Math.max(offset_ms, at - receivedAt);
    return;
  }
  const doubt = (receivedAt - sentAt) / 2;
  const measured = at + doubt - receivedAt;
  const isOld = Math.abs(receivedAt - measuredAt) > TRUSTED_FOR_MS;
  const contradicts = Math.abs(measured - offset_ms) > doubt + doubt_ms; // this PC's clock was set
  if (doubt > doubt_ms && !isOld && !contradicts) return;
  offset_ms = measured;
  doubt_ms = doubt;
  measuredAt = receivedAt;
}

// Draws the component again every second (one timer for the whole page), or every `every` seconds, where
// `turn` spreads many components over them.
export function useNow(every = 1, turn = 0) {
  const [, draw] = useState(0);
  useEffect(() => {
    const reader = () => (beats + turn) % every === 0 && draw((n) => n + 1);
    readers.add(reader);
    timer ||= setInterval(() => {
      beats += 1;
      for (const each of [...readers]) each();
    }, 1000);
    return () => {
      readers.delete(reader);
      if (!readers.size) {
        clearInterval(timer);
        timer = 0;
      }
    };
  }, [every, turn]);
  return serverNow();
}
