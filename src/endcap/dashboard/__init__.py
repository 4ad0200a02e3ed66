"""Pages for people, which work without any network."""
