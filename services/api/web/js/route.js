// The address after # names the page: #/desk/17, #/devices/XHS-00012.
import { useLayoutEffect, useRef, useState } from "./ui.js";

const readers = new Set();
let drawn = location.hash; // what the pages have been told
const tell = () => {
  drawn = location.hash;
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

// For a page that moves on by itself: after an answer that came late, or to what is most urgent. Returns
// `go` for as long as the page is there. Whoever pressed a link meanwhile, drawn yet or not, is not brought
// back.
export function useMove() {
  const gone = useRef(false);
  useLayoutEffect(
    () => () => {
      gone.current = true;
    },
    [],
  );
  return (path, instead) => {
    if (!gone.current && drawn === location.hash) go(path, instead);
  };
}
