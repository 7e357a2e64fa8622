"""What the figures of `bench peers` amount to, for people and for the exit code. Pure but for the print."""

import sys
from collections.abc import Mapping
from typing import Any

AHEAD = 1.3  # stored a second, ours to Node-RED's in the same run


def ratio(result: Mapping[str, Any], peer: str) -> float | None:
    """Return our stored/s to that of the peer whose name begins so, None when it did not run."""
    ours = _of(result, "Firetower")
    other = _of(result, peer)
    if ours is None or other is None:
        return None
    return float(ours["flat_out"]["stored_per_s"] / max(other["flat_out"]["stored_per_s"], 1))


def _of(result: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return next((one for one in result["contestants"] if one["name"].startswith(name)), None)


def missed(result: Mapping[str, Any]) -> list[str]:
    """Return what ours missed: its promise, or its lead over Node-RED where that ran."""
    found = []
    ours = _of(result, "Firetower")
    if ours is None or any(ours[part][what] for part in ("flat_out", "kills") for what in ("lost", "doubled")):
        found.append("ours: nothing lost, nothing doubled")
    lead = ratio(result, "Node-RED")
    if lead is not None and lead < AHEAD:
        found.append(f"ahead of Node-RED by {AHEAD:g} times")
    return found


def print_result(result: Mapping[str, Any]) -> None:
    """Print the table."""
    host = result["machine"]
    lines = f"""
bench peers: {result["devices"]} hydrants, flat out for {result["asked_seconds"]:g} s each; \
then three kills at {result["kill_rate"]:g}/s
machine: {host["cores"]} cores, {host["memory_gb"]} GB, load average before {host["load_average_before"]}

                      stored/s   consumer   database   broker     peak    load           flat out        three kills
                                        CPU, µs/message             MB  after     lost / doubled     lost / doubled\
""".splitlines()
    for one in result["contestants"]:
        fast, killed, cpu = one["flat_out"], one["kills"], one["flat_out"]["cpu_us_per_message"]
        line = (
            f"  {one['name']:<18}{fast['stored_per_s']:>10,}{cpu['consumer']:>11.1f}{cpu['postgres']:>11.1f}"
            f"{cpu['mosquitto']:>9.1f}{fast['peak_mb']:>9.1f}{fast['load_average']:>8.1f}"
            f"{fast['lost']:>10} / {fast['doubled']:<6}{killed['lost']:>10} / {killed['doubled']:<6}"
        )
        lines.append(line.rstrip())
    lines += ["", "promised:", *(f"  {one['name']:<18}{one['promise']}" for one in result["contestants"])]
    lines += [f"  not measured: {one['name']}: {one['reason']}" for one in result["absent"]]
    for peer in ("Node-RED", "paho"):
        lead = ratio(result, peer)
        lines += [] if lead is None else [f"ours to {peer}: {lead:.2f} times as many stored a second"]
    lines += [f"missed: {', '.join(result['missed']) or 'nothing'}"]
    sys.stdout.write("\n".join(lines) + "\n")
