// The pages without a network: the service worker is registered once somebody is signed in and the page
// rests. Browsers have it over HTTPS only (and on the machine itself).
import { askRelease } from "./release.js";
import { live } from "./store.js";
import { openWorker } from "./worker.js";

const AFTER_MS = 3000;
const LOOK_AGAIN_MS = 3_600_000;

let started = false;

export function startOffline() {
  if (started || !("serviceWorker" in navigator)) return;
  started = true;
  const { serviceWorker } = navigator;
  // Perhaps this page is of the release before; the first one after an upgrade is new already.
  serviceWorker.addEventListener("controllerchange", () => askRelease());
  setTimeout(async () => {
    // a private window, or no network: the page works as it did without
    const kept = await openWorker().catch(() => null);
    if (!kept) return;
    const look = () => kept.update().catch(() => null);
    setInterval(look, LOOK_AGAIN_MS);
    let { round } = live.get();
    live.subscribe((state) => {
      if (state.round === round) return;
      round = state.round; // connected anew: perhaps to a newer release
      look();
    });
  }, AFTER_MS);
}
