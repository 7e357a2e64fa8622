// The address after # names the page: #/desk/17, #/devices/XHS-00012.
import { useLayoutEffect, useState } from "./ui.js";

const readers = new Set();
const tell = () => {
  for (const reader of [...readers]) reader();
};
addEventListener("hashchange", tell);

// A link that was cut on its way ("%E4%B8") still leads somewhere.
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function read() {
  const { hash } = location;
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page, ...args] = path.split("/").filter(Boolean).map(plain);
  return { hash, page: page ?? "desk", args, search: new URLSearchParams(search) };
}

export function useRoute() {
  const [route, setRoute] = useState(read);
  useLayoutEffect(() => {
    const reader = () => setRoute((before) => (before.hash === location.hash ? before : read()));
    readers.add(reader);
    reader();
    return () => readers.delete(reader);
  }, []);
  return route;
}

// The page turns before the next key is read: the browser's own event would come after it.
// `instead`: the page before is not one to go back to.
export function go(path, instead = false) {
  if (instead) history.replaceState(null, "", `#/${path}`);
  else location.hash = `#/${path}`;
  tell();
}
