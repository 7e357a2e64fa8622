// Whether the server has a newer release than this page: asked whenever it was connected anew. Over plain
// HTTP there is no service worker to say so, and a wall is open for months.
import { live } from "./store.js";

const RELOADED = "firetower-reloaded-for";
const own = document.querySelector('script[src*="/static/linked/"]')?.src.split("/").at(-2);

async function newerBuild() {
  const answer = await fetch("/login", { method: "HEAD", cache: "no-store" }).catch(() => null);
  const build = answer?.ok ? answer.headers.get("Firetower-Build") : null;
  return own && build && build !== own ? build : null;
}

const say = () => live.set({ outdated: true });

// A part of the page could not be fetched, or the service worker is another one.
export const askRelease = () => newerBuild().then((build) => build && say());

export function watchRelease(onNewer = say) {
  let { round } = live.get();
  live.subscribe((state) => {
    if (state.round === round) return;
    const first = round === 0;
    round = state.round;
    if (!first) newerBuild().then((build) => build && onNewer(build));
  });
}

// Whether this screen has not loaded itself anew for this build yet. Where a browser keeps nothing it is not
// known, and the screen might turn in a circle.
function isFirst(build) {
  try {
    if (sessionStorage.getItem(RELOADED) === build) return false;
    sessionStorage.setItem(RELOADED, build);
    return true;
  } catch {
    return false;
  }
}

// For a screen that nobody operates. Once for each build, since behind a balancer the old one may answer
// next; and not where a click made sound possible, which a browser forgets when it loads the page again.
export function reloadOnce(build) {
  if (!navigator.userActivation?.hasBeenActive && isFirst(build)) location.reload();
  else say();
}
