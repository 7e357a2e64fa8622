// The browser's own notifications, for a fire that comes while the page lies behind another window. Asked for
// by the person (the menu of the user's name); shown while the page is open.
import { t } from "./i18n.js";
import { go } from "./route.js";

export const notifications = () => globalThis.Notification?.permission ?? "unsupported";
export const askForNotifications = () => Notification.requestPermission();

export function notify(alarm, words) {
  if (notifications() !== "granted" || document.visibilityState === "visible") return;
  try {
    const shown = new Notification(t("app.name"), {
      body: words,
      tag: `alarm-${alarm.id}`,
      icon: "/static/icons/tower.svg",
      requireInteraction: true,
    });
    shown.onclick = () => {
      focus();
      go(`desk/${alarm.id}`);
      shown.close();
    };
  } catch {
    /* browsers of phones allow them to a service worker only: the page's own sound and bar remain */
  }
}
