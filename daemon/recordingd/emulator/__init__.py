"""A stand-in for Azure Communication Services call recording, for tests, demonstrations and CI.

Written from the service's published documents alone: it shares no code with the rest of the
package, so one misreading of the service cannot make client and emulator agree by accident.
Started by ``recordingd emulator`` and by tests; it must never learn of policies or the ledger.
"""
