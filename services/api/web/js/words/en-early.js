// English words of early warnings: the chart in the alarm, and what to do.
export const early = {
  "early.title": "Expected and seen",
  "early.seen": "Seen",
  "early.expected": "Expected",
  "early.low": "Least expected",
  "early.high": "Most expected",
  "early.peers": "Thin lines: other devices of the event, or the nearest ones",
  "early.hint": "Band: what was expected, three standard deviations either side; upright line: the warning",
  "early.not_kept": "What was expected was not kept: only what was seen is shown",
  "early.place": "Most likely place",
  "early.sure.high": "confidence high",
  "early.sure.fair": "confidence fair",
  "early.since": "since {at}",
  "early.over": "over since {at}",
  "early.quantity.pressure": "Pressure",
  "early.quantity.water_temperature": "Water temperature",
  "early.quantity.residual_current": "Residual current",
  "early.quantity.temperature": "Hottest phase",
  "early.do.water_burst":
    "Ask the water company to check the mains near the most likely place; send someone to look for " +
    "water on the road; first rule out water drawn for a fire or a registered use.",
  "early.do.water_draw":
    "Check for a registered use or a drill; if there is none, send someone to see whether it was " +
    "opened.",
  "early.do.water_leak":
    "Ask the water company to listen for leaks nearby at night; file a hazard and watch the nights.",
  "early.do.hydrant_decoupled":
    "Send someone to see whether its valve is closed, the barrel blocked or frozen; open it and " +
    "compare the sensor.",
  "early.do.freeze_forecast":
    "Drain the barrel or insulate it before tonight; check that its drain is not blocked.",
  "early.do.insulation_ageing":
    "Have an electrician measure the insulation of this circuit and look for damp or damage; if it " +
    "goes on rising, plan a shutdown.",
  "early.do.joint_heating":
    "Have an electrician look at the terminals with a thermal camera and tighten them, at the hours " +
    "of high load.",
  "early.do.sensor_fault": "Replace or calibrate the sensor; until then its readings cannot be believed.",
};
