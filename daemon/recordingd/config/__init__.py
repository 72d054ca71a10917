"""Files into typed values: policies and settings, every fault of every file with its position.

The only importer of yaml and jsonschema. Called by `cli` and `runtime`; knows no service, no
ledger and no clock.
"""
