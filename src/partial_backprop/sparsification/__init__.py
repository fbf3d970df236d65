"""Which gradients to set to zero in a step, and how many."""
