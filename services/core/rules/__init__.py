"""The rules as data: their catalogue, the numbers in force, and what they know of a device. Pure but for one statement.

The one home of every number that raises, clears or draws something: alerts, API and the notices to 119 look here.
"""
