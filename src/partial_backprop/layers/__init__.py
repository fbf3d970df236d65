"""Layers with torch's parameters and values, and fewer passes over memory on a processor.

`kernels.c` is built with the system's compiler when it is first used; without one, torch's own kernels run.
"""
