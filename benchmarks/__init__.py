"""Measurements of speed and memory, and others that stand in the documentation; nothing is tested here."""
