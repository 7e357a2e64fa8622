"""The mains that hydrants stand on: pressures of a hydraulic twin, made once (`make`) and replayed (`county`)."""
