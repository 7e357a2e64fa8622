"""The life of one alarm: what can happen to it, how it steps, and what the desk must hear. Pure."""
