"""Recipe versions: numbered, immutable, published with a reason."""
