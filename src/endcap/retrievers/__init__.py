"""From all items to the few hundred that a visitor may want: one file is one model."""
