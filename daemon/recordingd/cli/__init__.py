"""The command line: what is asked for, what is printed, and the exit code; nothing else.

One module per command, each with `add_arguments` and `run`, imported only when it is asked for.
"""
