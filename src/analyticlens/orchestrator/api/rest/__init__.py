"""The REST of machines, for people and their programs."""
