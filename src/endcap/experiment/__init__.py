"""From prepared tables to a release that has been measured: fit, judge, compare, promote."""
