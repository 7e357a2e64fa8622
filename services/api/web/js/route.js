// The address after # names the page: #/desk/17, #/devices/XHS-00012.
import { useEffect, useState } from "./ui.js";

function read() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...args] = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { page: page ?? "desk", args, search: new URLSearchParams(search) };
}

export function useRoute() {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const reader = () => setRoute(read());
    addEventListener("hashchange", reader);
    return () => removeEventListener("hashchange", reader);
  }, []);
  return route;
}

export function go(path) { location.hash = `#/${path}`; }
