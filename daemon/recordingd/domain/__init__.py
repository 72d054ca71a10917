"""Frozen values and their laws: what a call, a recording, a policy and a plan are.

Every layer imports this package; it imports the standard library only, and knows no clock, socket,
file, database or log.
"""
