"""Blobs: found as runs of pixels, split, measured all at once, and refined by their grey values."""
