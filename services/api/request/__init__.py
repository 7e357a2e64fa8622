"""What every request passes and finds: the gate, who asks, the database, how answers and refusals are written.

Knows no other room.
"""
