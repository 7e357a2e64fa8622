// The server's clock as seen from the browser: ages and countdowns must not depend on a wrong PC clock.
import { useEffect, useState } from "./ui.js";

let offset_ms = 0;
const readers = new Set();
let timer = 0;
let beats = 0;

export const serverNow = () => Date.now() + offset_ms;

// `now` is the server's time in an answer; half the round trip is taken off by the caller's `sentAt`.
export function syncClock(now, sentAt = Date.now()) {
  if (!now) return;
  const receivedAt = Date.now();
  const measured = Date.parse(now) + (receivedAt - sentAt) / 2 - receivedAt;
  if (Number.isFinite(measured)) offset_ms = measured;
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
