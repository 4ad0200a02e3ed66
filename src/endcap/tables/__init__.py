"""From the imported tables to what was known before a moment."""
