"""Where recordings are kept after download.

`runtime` opens the stores of the settings and calls them in worker threads through the port
`ports.archive`. Nothing here knows calls, policies, the service or the ledger: a file has an id of
ours, a kind, and bytes.
"""
