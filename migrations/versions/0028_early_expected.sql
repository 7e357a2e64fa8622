-- Values that detectors expected around their warnings: for the chart beside an alarm.
create table early_expected (
    device_id integer not null references device on delete cascade,
    quantity text not null,  -- pressure, residual_current or temperature
    at timestamptz not null,  -- the end of a slot
    expected real not null,
    spread real not null,  -- one own deviation
    primary key (device_id, quantity, at)
);
