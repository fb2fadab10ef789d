"""Finding a taught picture: its pyramid, the search over it, and the fit that measures place, angle and size."""
