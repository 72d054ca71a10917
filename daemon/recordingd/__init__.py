"""recordingd: a declarative, policy-driven recording daemon for Azure Communication Services."""
