"""From a few hundred candidates to the same ones, better ordered: one file is one model."""
