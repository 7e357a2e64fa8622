// Taking alarms: tried again by itself while the server is away for a moment, and what failed stays written
// on the alarm, wherever it is shown, until it is taken, here or elsewhere. Kept by alarm id.
import { newKey } from "../api.js";
import { isPassing } from "../problems.js";
import { createStore, live } from "../store.js";
import { acknowledge } from "./acts.js";

const AGAIN_AFTER_MS = [1000, 2000, 4000];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// {busy, tries, problem} by alarm id
export const deeds = createStore({ taking: new Map() });

function note(id, what) {
  deeds.set(({ taking }) => {
    const next = new Map(taking);
    if (what) next.set(id, what);
    else next.delete(id);
    return { taking: next };
  });
}

export const isTakable = (alarm) => ["unacknowledged", "returned"].includes(alarm.state);

// Somebody else took it, our own answer was lost, or another person is here: what failed is no longer so.
live.subscribe(({ alarms }) => {
  const { taking } = deeds.get();
  const stands = ([id, { busy }]) => busy || (alarms.has(id) && isTakable(alarms.get(id)));
  const left = [...taking].filter(stands);
  if (left.length < taking.size) deeds.set({ taking: new Map(left) });
});

export const beingTaken = () =>
  new Set([...deeds.get().taking].filter(([, deed]) => deed.busy).map(([id]) => id));

// The server lets four writes of one person in at a time. Those sent beyond would wait against their own time
// limits, and be refused from the fifty-fifth on.
const AT_ONCE = 4;
const queue = [];
let atWork = 0;

async function inTurn(act) {
  if (atWork < AT_ONCE) atWork += 1;
  else await new Promise((go) => queue.push(go));
  try {
    return await act();
  } finally {
    if (queue.length) queue.shift()();
    else atWork -= 1;
  }
}

async function takeOne(alarm) {
  if (deeds.get().taking.get(alarm.id)?.busy) return;
  const key = newKey();
  note(alarm.id, { busy: true, tries: 0 });
  for (let tries = 0; ; tries += 1) {
    try {
      await inTurn(() => acknowledge(alarm, key));
      note(alarm.id, null);
      return;
    } catch (problem) {
      const left = isPassing(problem) && tries < AGAIN_AFTER_MS.length && live.get().session;
      note(alarm.id, { busy: left, tries: tries + 1, problem });
      if (!left) return;
      await pause(AGAIN_AFTER_MS[tries]);
    }
  }
}

export const take = (alarms) => Promise.all(alarms.filter(isTakable).map(takeOne));
