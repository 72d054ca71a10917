"""Pure functions from what is known to what is to be done.

Called by the daemon's loop, the dry run and every explanation, so that what one shows is what the
other does. Knows no clock, socket, file or database: `now` is an argument.
"""
