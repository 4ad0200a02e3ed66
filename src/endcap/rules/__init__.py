"""Decisions of the shop, which learn nothing: one file is one rule."""
