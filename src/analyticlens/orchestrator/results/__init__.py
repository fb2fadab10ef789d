"""Verdicts, events and pictures as the machines sent them, and the counters pages show of them."""
