// Batches do not wait for each other: four are stored at a time, the rest queues in the pool.
try {
  await context.get("pool").query({
    name: "insert", // prepared once a connection
    text: `
      insert into peer_reading (device, ts, seq, pressure_mpa, flow_lps, water_temp_c, tilt_deg, battery_pct, rsrp_dbm,
                                cap_open, water_present)
      select device, to_timestamp(ts_ms / 1000.0), seq, pressure_mpa, flow_lps, water_temp_c, tilt_deg, battery_pct,
             rsrp_dbm, cap_open, water_present
      from unnest($1::text[], $2::float8[], $3::int8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
                  $8::float8[], $9::float8[], $10::bool[], $11::bool[])
           as r (device, ts_ms, seq, pressure_mpa, flow_lps, water_temp_c, tilt_deg, battery_pct, rsrp_dbm, cap_open,
                 water_present)`,
    values: msg.payload,
  });
} catch (error) {
  node.error(error, msg);
}
return null;
