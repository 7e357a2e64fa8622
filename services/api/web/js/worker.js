// The service worker as pages find it. Browsers have it over HTTPS only (and on the machine itself).

// Registers it where it is not, and waits until it works.
export async function openWorker() {
  await navigator.serviceWorker.register("/static/sw.js", { scope: "/", updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

// The one that works already; null without one.
export async function presentWorker() {
  const kept = await navigator.serviceWorker?.getRegistration("/").catch(() => null);
  return kept?.active ? kept : null;
}
