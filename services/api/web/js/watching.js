// Whether we can say that all is watched. Nothing calls itself quiet or normal before the server has said so,
// while the connection is lost, while ingest stands still, or in a county without devices.
import { useNow } from "./clock.js";
import { t } from "./i18n.js";
import { Empty } from "./parts.js";
import { live, useStore } from "./store.js";
import { html } from "./ui.js";

const STALLED_AFTER_S = 10;

// How old the newest probe is that came through ingest, in seconds; null when nothing is known.
export const behind_s = (system, now) =>
  system?.watermark_at ? (now - Date.parse(system.watermark_at)) / 1000 : null;
export const isStalled = (system, now) => behind_s(system, now) > STALLED_AFTER_S;

const deviceCount = (system) =>
  Object.values(system?.counts?.devices ?? {})
    .flatMap((counts) => Object.values(counts))
    .reduce((sum, n) => sum + n, 0);

// "watching", or why not: connecting, lost, stalled, empty.
export function watchState({ connection, loaded, system }, now) {
  if (connection === "lost") return "lost";
  if (!loaded || !system || connection !== "live") return "connecting";
  if (deviceCount(system) === 0) return "empty";
  return behind_s(system, now) === null || isStalled(system, now) ? "stalled" : "watching";
}

export function Quiet({ title }) {
  const now = useNow();
  const state = watchState(useStore(live, (all) => all), now);
  return state === "watching"
    ? html`<${Empty} title=${title} line=${t("desk.quiet_line")} />`
    : html`<${Empty} title=${t(`watching.${state}`)} line=${t(`watching.${state}_line`)} />`;
}
