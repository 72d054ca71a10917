"""What the daemon says about itself: log lines, metrics and alarms.

Every layer above `planning` may write here; nothing here reads anything back to decide by. Only
this package knows what must never leave the process in the clear.
"""
