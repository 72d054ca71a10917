"""Events in: what is posted to the daemon, who posted it, and what it says.

`runtime` serves `receiver.build_app` and, when it applies the inbox, reads each event with
`envelopes.read`. Nothing here decides about recordings or knows how the ledger stores anything.
"""
