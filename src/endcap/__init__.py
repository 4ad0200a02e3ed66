"""Endcap: a product recommender that a shop runs itself, from its log to live recommendations."""

import os

# Threads that wait for one another shall sleep, not spin: on a machine that does anything else
# besides, spinning makes a fit five to twenty times slower. Read when the first library with
# threads is loaded, so it stands here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
