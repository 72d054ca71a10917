"""The revisions that bring a database to the shape of `tables`; run by `upgrading` alone."""
