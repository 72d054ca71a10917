"""Composition and loops: the only place where the world is changed.

Called by `cli`. Puts the adapters together, runs the loop that advances calls, carries out effects,
and keeps the daemon alive.
"""
