"""Content to vectors: one file is one kind of content."""
