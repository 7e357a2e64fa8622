// A list of the server, part after part, read anew after every change made here.
import { get, query } from "../api.js";
import { useEffect, useRef, useState } from "../ui.js";

const PART = 200;
const TYPED_AFTER_MS = 250;

// `read()` never fails: what was changed is changed, whether or not the list could be read again.
// `part` null: a list that comes whole.
export function useList(path, wanted = {}, part = PART) {
  const [{ items, next }, put] = useState({ items: null, next: null });
  const [problem, setProblem] = useState(null);
  const asked = useRef(0);
  const first = useRef(true);
  const read = (cursor) => {
    const mine = (asked.current += 1);
    return get(query(path, { ...wanted, limit: part, cursor })).then(
      (page) => {
        if (mine !== asked.current) return;
        setProblem(null);
        put((before) => ({ items: cursor ? [...before.items, ...page.items] : page.items, next: page.next }));
      },
      (refused) => mine === asked.current && setProblem(refused),
    );
  };
  useEffect(() => {
    const timer = setTimeout(() => read(), first.current ? 0 : TYPED_AFTER_MS);
    first.current = false;
    return () => clearTimeout(timer);
  }, [path, JSON.stringify(wanted)]);
  return { items, problem, setProblem, read: () => read(), more: next ? () => read(next) : null };
}
