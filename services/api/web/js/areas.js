// The names of areas: read as the page begins, and again with every fresh start of the stream, for the first
// answer may have failed, and somebody may have named others since. On a failure those that are known stay.
import { getAll } from "./api.js";
import { identity } from "./kept.js";
import { live, useStore } from "./store.js";
import { useEffect } from "./ui.js";

// `who`: the identity of the session; null: nobody whose page shows any.
export function useAreas(who) {
  const round = useStore(live, (state) => state.round);
  useEffect(() => {
    if (!who || (round === 1 && live.get().areas.length)) return; // they came before the stream had begun
    getAll("/api/v1/areas").then(
      (areas) => {
        const { session } = live.get();
        if (session && identity(session) === who) live.set({ areas });
      },
      () => null,
    );
  }, [who, round]);
}
