"""Alarms as decisions: the life cycle of one alarm and the judgement of a site's fires.

`life` and `fires` are pure; `ledger` keeps their results in the database.
"""
