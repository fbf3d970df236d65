"""PartialBackprop in trainers of others: a module each, which imports its package and is imported by none."""
