"""What can be wrong with the rows of a shop: a file is a check."""
