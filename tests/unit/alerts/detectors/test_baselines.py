from datetime import UTC, datetime

import numpy as np

from bench.baselines import Table, findings


def test_alarms_of_one_hour_are_one_and_a_device_that_stands_silences_no_other():
    above = np.zeros((60, 2))
    above[5:60, 0] = 2.0
    above[8:10, 1] = 2.0
    above[30:32, 1] = 3.0
    table = Table(datetime(2026, 6, 1, tzinfo=UTC), 300, ["H1", "H2"], above, 0)
    told = findings(table, above, 1.0)
    assert [(one["device"], one["raised_at"][11:16]) for one in told] == [("H1", "00:30"), ("H2", "02:35")]
