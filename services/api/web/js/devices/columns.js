// Rows of readings as the columns that a chart draws. Pure.

// A value of a row: {middle, low, high}, of a raw reading all three the same; null where there is none.
function cellOf(row, field) {
  const cell = row[field];
  if (cell === undefined || cell === null) return null;
  const bucket = typeof cell === "object";
  const middle = bucket ? (cell.mean ?? cell.last) : Number(cell);
  if (middle === null || Number.isNaN(middle)) return null;
  const [low, high] = bucket ? [cell.min ?? middle, cell.max ?? middle] : [middle, middle];
  return { middle: Number(middle), low, high };
}

// rows: raw readings or buckets, in order -> [times_s, middle, low, high] and, with a second field, its
// middle; a hole of many steps is shown as a hole.
export function columns(rows, field, second) {
  const data = [[], [], [], [], ...(second ? [[]] : [])];
  for (const row of rows) {
    const main = cellOf(row, field);
    const other = second && cellOf(row, second);
    if (!main && !other) continue;
    data[0].push(Date.parse(row.ts) / 1000);
    data[1].push(main?.middle ?? null);
    data[2].push(main?.low ?? null);
    data[3].push(main?.high ?? null);
    data[4]?.push(other?.middle ?? null);
  }
  const steps = data[0]
    .slice(1)
    .map((at, i) => at - data[0][i])
    .sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 0;
  for (let i = data[0].length - 1; i > 0; i -= 1) {
    if (usual && data[0][i] - data[0][i - 1] > 4 * usual) {
      data[0].splice(i, 0, data[0][i - 1] + usual);
      for (const each of data.slice(1)) each.splice(i, 0, null);
    }
  }
  return data;
}
