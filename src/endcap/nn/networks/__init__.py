"""One file is one network: (batch, length, dim) → (batch, length, dim)."""
