"""Endcap: a product recommender that a shop runs itself, from its log to live recommendations."""

import os

# Threads that wait for one another shall soon sleep, not spin: on a machine that does anything
# else besides, spinning makes a fit five to twenty times slower. Nor at once: a step of training is
# hundreds of small products, and a thread that sleeps between them comes too late for the next; a
# thousand turns, some microseconds, make an epoch a third shorter. Read when the first library with
# threads is loaded, so it stands here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
