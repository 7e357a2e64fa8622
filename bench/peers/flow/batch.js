// One reading a message; a batch leaves with 500 rows or 100 ms after its first.
const batch = context.get("batch");
let reading;
try {
  reading = JSON.parse(msg.payload);
} catch (error) {
  node.warn(`not JSON on ${msg.topic}`);
  return null;
}
if (reading === null || !Number.isInteger(reading.ts) || !Number.isInteger(reading.seq)) {
  node.warn(`no ts or seq on ${msg.topic}`);
  return null;
}
const columns = batch.columns;
columns.device.push(msg.topic.split("/")[4]);
columns.ts.push(reading.ts);
columns.seq.push(reading.seq);
for (const [name, [least, most]] of batch.ranges) {
  const value = reading[name];
  columns[name].push(typeof value === "number" && value >= least && value <= most ? value : null);
}
columns.cap_open.push(typeof reading.cap_open === "boolean" ? reading.cap_open : null);
columns.water_present.push(typeof reading.water_present === "boolean" ? reading.water_present : null);

const leave = () => {
  clearTimeout(batch.timer);
  batch.timer = null;
  const full = batch.columns;
  batch.columns = batch.empty();
  node.send({ payload: batch.names.map((name) => full[name]) }, false); // not cloned: nobody else holds it
};
if (columns.device.length >= 500) {
  leave();
} else if (batch.timer === null) {
  batch.timer = setTimeout(leave, 100);
}
return null;
