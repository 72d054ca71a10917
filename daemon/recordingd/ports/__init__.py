"""What the runtime needs from the outside, as Protocols with their contracts written out.

Implementations live in `acs`, `archive`, `ledger` and `runtime.system`; one contract suite per port
runs against every one of them.
"""
