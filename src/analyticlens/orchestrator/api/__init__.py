"""Machines, their tools and heartbeats; what people asked of them; the live bus."""
