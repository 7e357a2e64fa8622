// The browser's own notifications, for a fire that comes while the page lies behind another window. Asked for
// by the person (the menu of the user's name). The tag is that of the message which comes by push: a browser
// shows the two as one.
import { t } from "./i18n.js";
import { go } from "./route.js";
import { live } from "./store.js";
import { presentWorker } from "./worker.js";

export const notifications = () => globalThis.Notification?.permission ?? "unsupported";
export const askForNotifications = () => Notification.requestPermission();

const tagOf = ({ id }) => `alarm-${id}`;
const idOf = (tag) => Number(/^alarm-(\d+)$/.exec(tag)?.[1] ?? 0); // 0: of no alarm
const own = new Map(); // those that no service worker shows, by tag

// `again`: it may stand there from before, and is to be heard all the same.
export async function notify(alarm, words, again = false) {
  if (notifications() !== "granted" || document.visibilityState === "visible") return;
  const path = `desk/${alarm.id}`;
  const tag = tagOf(alarm);
  const options = {
    body: words,
    tag,
    renotify: again,
    icon: "/static/icons/tower-192.png",
    requireInteraction: true,
    data: { path },
  };
  try {
    const worker = await presentWorker(); // browsers of phones allow them to it only
    if (worker) {
      await worker.showNotification(t("app.name"), options); // a press on it is heard by sw.js
      return;
    }
    const shown = new Notification(t("app.name"), options);
    own.set(tag, shown);
    shown.onclose = () => own.delete(tag);
    shown.onclick = () => {
      focus();
      go(path);
      shown.close();
    };
  } catch {
    /* the page's own sound and bar remain */
  }
}

// Somebody took the fire, or it is over: nobody is called to it any more.
export async function withdraw(alarm) {
  if (notifications() !== "granted") return;
  const tag = tagOf(alarm);
  own.get(tag)?.close();
  own.delete(tag);
  const shown = await (await presentWorker())?.getNotifications({ tag }).catch(() => null);
  for (const each of shown ?? []) each.close();
}

// What was told while this page was not connected, or before it was opened, and is over by now.
export async function withdrawOthers(waits) {
  if (notifications() !== "granted") return;
  const shown = await (await presentWorker())?.getNotifications().catch(() => null);
  for (const each of [...own.values(), ...(shown ?? [])]) {
    const id = idOf(each.tag);
    if (id && !waits(id)) each.close();
  }
}

// A fire came by push: do the bar and the sound of this page say it?
function tells(tag) {
  const { session, connection, alarms } = live.get();
  return !!session && connection === "live" && alarms.has(idOf(tag));
}

// The service worker asks before it is silent about a fire. When somebody pressed a notification, it brings
// this page to the front and says which alarm.
export function hearWorker() {
  navigator.serviceWorker?.addEventListener("message", ({ data, ports }) => {
    if (data?.kind === "told?") ports[0].postMessage(tells(data.tag));
    if (data?.kind === "open") go(data.path);
  });
}
