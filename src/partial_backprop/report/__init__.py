"""The report engine: one long frame of results, statistics, and the claims of the sources, judged."""
