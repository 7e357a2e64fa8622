// Which lines of a long queue are drawn: those around what is in sight. A thousand rows with their clocks
// cost an old PC its smooth scrolling; gaps of the same height stand for the others.
import { useEffect, useLayoutEffect, useRef, useState } from "../ui.js";

const STEP = 50; // lines that come and go together
const DRAWN = 4; // steps
const ROW_PX = 70; // as tall as a line is taken for until it was drawn
const AHEAD_PX = 800; // drawn above what is in sight

// `list`: for the scrolling element. `marks`: whether an element of class "queue-step" stands before each
// step and behind the last, by which they are measured. `above`, `below`: heights of the gaps, in px.
export function useWindow(lines, chosen) {
  const list = useRef();
  const heights = useRef(new Map()); // of steps that were drawn
  const wanted = useRef(null); // what was chosen and is not in sight yet
  const [at, setAt] = useState(0);
  const steps = Math.ceil(lines.length / STEP);
  const marks = steps > DRAWN;
  const first = marks ? Math.min(at, steps - DRAWN) : 0;
  const end = marks ? first + DRAWN : steps;
  const heightOf = (step) => heights.current.get(step) ?? STEP * ROW_PX;
  const tall = (from, to) => {
    let px = 0;
    for (let step = from; step < to; step += 1) px += heightOf(step);
    return px;
  };
  useEffect(() => {
    if (!marks) return undefined;
    const box = list.current;
    const look = () => {
      let step = 0;
      for (let px = heightOf(0); step < steps - 1 && px <= box.scrollTop - AHEAD_PX; px += heightOf(step))
        step += 1;
      setAt(step);
    };
    box.addEventListener("scroll", look, { passive: true });
    return () => box.removeEventListener("scroll", look);
  }, [marks, steps]);
  useEffect(() => {
    const index = lines.findIndex((line) => line.alarms.some(({ id }) => id === chosen));
    const step = Math.floor(index / STEP);
    if (index >= 0 && (step < first || step >= end)) {
      setAt(Math.max(0, step - 1));
      list.current.scrollTop = tall(0, step);
    }
    wanted.current = chosen;
  }, [chosen]);
  useLayoutEffect(() => {
    if (marks) {
      const tops = [...list.current.querySelectorAll(".queue-step")].map((mark) => mark.offsetTop);
      for (let i = 0; i + 1 < tops.length; i += 1)
        if (tops[i + 1] > tops[i]) heights.current.set(first + i, tops[i + 1] - tops[i]);
    }
  });
  useEffect(() => {
    const row = wanted.current && list.current.querySelector(`[data-alarm="${wanted.current}"]`);
    if (!row) return;
    row.closest("li").scrollIntoView({ block: "nearest" });
    wanted.current = null;
  });
  return {
    list,
    marks,
    first: first * STEP,
    end: Math.min(end * STEP, lines.length),
    above: tall(0, first),
    below: tall(end, steps),
    isStep: (index) => marks && index % STEP === 0,
  };
}
