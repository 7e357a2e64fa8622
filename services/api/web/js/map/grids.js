// The grids (网格) as a layer that is switched on: their borders, and who looks after one.
import { get } from "../api.js";
import { useEffect, useState } from "../ui.js";

const PATH = "/ogc/collections/grids/items?f=json&limit=1000";
const MOST_PAGES = 20;

async function readGrids() {
  const found = [];
  let path = PATH;
  for (let page = 0; path && page < MOST_PAGES; page += 1) {
    const { features, links } = await get(path);
    found.push(...features.map(({ id, geometry, properties }) => ({
      type: "Feature",
      geometry,
      properties: { id, name: properties.name },
    })));
    const next = links.find(({ rel }) => rel === "next");
    path = next && new URL(next.href).pathname + new URL(next.href).search;
  }
  return found;
}

// {on, count, toggle, problem}: `count` is null until they are read.
export function useGrids(board, open) {
  const [on, setOn] = useState(false);
  const [grids, setGrids] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    if (on && !grids) readGrids().then(setGrids, setProblem);
  }, [on]);
  useEffect(() => {
    if (open) board.current?.showGrids(on && grids ? grids : []);
  }, [open, on, grids]);
  const toggle = () => {
    setProblem(null);
    setOn(!on);
  };
  return { on, count: grids && grids.length, toggle, problem };
}
