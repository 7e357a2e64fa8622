"""Early warning in the running system: stored readings through the detectors of `evaluate`, findings into alarms."""
