// What a field may hold; anything else is stored as null. Each list becomes an array parameter of the insert.
const ranges = {
  pressure_mpa: [-0.1, 4], flow_lps: [0, 200], water_temp_c: [-40, 80], tilt_deg: [0, 180],
  battery_pct: [0, 100], rsrp_dbm: [-160, 0],
};
const names = ["device", "ts", "seq", ...Object.keys(ranges), "cap_open", "water_present"];
const empty = () => Object.fromEntries(names.map((name) => [name, []]));
context.set("batch", {
  ranges: Object.entries(ranges), names, empty, columns: empty(), timer: null,
});
