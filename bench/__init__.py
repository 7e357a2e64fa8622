"""Measurements of a running system, and of the limits of the machine it runs on. Used by `firetower bench`."""
