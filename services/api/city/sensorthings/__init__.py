"""OGC SensorThings 1.1 (18-088), the reading half: devices, their streams and observations.

A request passes `paths` and `options` (what is asked), `query` (rows by way of `rows`, `filter`, `functions`), and
`render` (how version 1.1 writes them). Nothing before `render` knows how an answer looks.
"""
