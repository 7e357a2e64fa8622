"""Alarms as people see and handle them: the queue, acts, incidents, notices, the hand-over of a shift."""
