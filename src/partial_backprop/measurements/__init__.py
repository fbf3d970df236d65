"""What runs put into their records and lay beside them, typed; no torch."""
