// Fires told to this browser while no page is open (Web Push): its subscription, and what the server knows of
// it. It is one person's: whoever else signs in here ends it, and so does signing out.
import { get, put, remove } from "./api.js";
import { language } from "./i18n.js";
import { prefs, remember } from "./prefs.js";
import { live } from "./store.js";
import { openWorker, presentWorker } from "./worker.js";

const PATH = "/api/v1/session/push";

// Why this browser cannot be told, whatever anybody wants; null when it can.
export function hindrance() {
  if (!isSecureContext) return "insecure";
  if (!("serviceWorker" in navigator) || !("PushManager" in globalThis)) return "unsupported";
  return Notification.permission === "denied" ? "denied" : null;
}

export const readPush = () => get(PATH);

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

async function tellServer(subscription, public_key) {
  await put(PATH, {
    endpoint: subscription.endpoint,
    p256dh: text(subscription.getKey("p256dh")),
    auth: text(subscription.getKey("auth")),
    public_key,
    language: language(),
  });
}

// A subscription belongs to the key it was made with: with another one it is made anew.
async function subscription(worker, key) {
  const present = await worker.pushManager.getSubscription();
  const made = present?.options.applicationServerKey;
  if (present && made && text(made) === key) return present;
  await present?.unsubscribe();
  return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

export async function turnOn({ public_key }) {
  const worker = await openWorker();
  await tellServer(await subscription(worker, public_key), public_key);
  remember({ push: live.get().session.username });
}

async function dropHere() {
  remember({ push: null });
  const worker = await presentWorker();
  const shown = (await worker?.getNotifications()) ?? [];
  for (const each of shown) each.close();
  await (await worker?.pushManager?.getSubscription())?.unsubscribe();
}

export async function turnOff() {
  await remove(PATH);
  await dropHere();
}

// Signing out: the server forgets this browser with the session; here nothing may come any more either.
export const leavePush = () => dropHere().catch(() => null);

// When a person is signed in, or reads another language: a new session is told of the browser; somebody
// else's subscription ends. Silent: the dialog says how it goes.
export async function keepPush() {
  const { session } = live.get();
  if (hindrance() || !session) return;
  try {
    if (prefs.get().push !== session.username) {
      if (await (await presentWorker())?.pushManager.getSubscription()) await dropHere();
    } else if (Notification.permission === "granted") {
      const state = await readPush();
      if (state.offered) await turnOn(state);
    }
  } catch {
    /* no network, or the browser's push service does not answer: tried again with the next page */
  }
}
