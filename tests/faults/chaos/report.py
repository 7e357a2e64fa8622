"""The report of a run for people and for reports/, and the promises it is held to."""

from typing import Any

from tests.faults.reports import keep_report


def write_report(name: str, report: dict[str, Any]) -> None:
    """Print the run and keep it in reports/."""
    keep_report(name, report)
    lines = [
        "",
        f"{name}: {report['seconds_under_load']} s, {report['messages_per_s']} messages/s, {report['kills']} kills",
        *(f"  {one['at_s']:>8.2f} s  {one['what']:<28} {one['lasted_s']:>6.2f} s" for one in report["breaks"]),
        "  crowd   sent     acked    stored   missing twice | events sent acked missing",
    ]
    lines += [
        f"  {row['crowd']:<6} {row['readings_sent']:>8,} {row['readings_acked']:>8,} {row['readings_stored']:>8,} "
        f"{row['acked_and_missing']:>6} {len(row['stored_twice']):>6} | "
        f"{row['events_sent']:>8} {row['events_acked']:>8} {len(row['events_missing']):>6}"
        for row in report["crowds"]
    ]
    early = len(report["events_acked_before_stored"])
    lines.append(f"  {report['event_acks_looked_up']} event acks looked up, {early} came before their row")
    lines.append(f"  sent again: {report['readings_sent_again']} readings, {report['events_sent_again']} events")
    print("\n".join(lines))  # noqa: T201


def check(report: dict[str, Any]) -> None:
    """Hold the run to the promises."""
    ours, foreign = report["crowds"]
    assert report["ingest_ended_by_itself"] == 0, "ingest ended by itself: its log is printed above"
    assert ours["acked_and_missing"] == 0, "our client lost acknowledged readings"
    assert not ours["events_missing"], "events were lost"
    assert ours["events_acked"] == ours["events_sent"], "events without an application ack"
    assert report["event_acks_looked_up"] >= ours["events_acked"] > 0, "application acks that nobody looked up"
    assert not report["events_acked_before_stored"], "an application ack came before its row"
    for row in (ours, foreign):
        assert not row["stored_twice"]
        assert not row["events_stored_twice"]
    assert foreign["readings_acked"] > 0, "the foreign publisher got nothing acknowledged"
    assert not foreign["missing_far_from_a_broker_kill"], "a reading was lost although no broker was killed"
