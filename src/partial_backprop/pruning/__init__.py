"""Which weights to set to zero, and how to keep them there while training goes on."""
