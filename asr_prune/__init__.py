"""Makes acoustic models of speech recognisers small without losing words."""

import os

# numpy sums in another order with more threads, so that labels would depend on the machine's cores; --nj has the rest
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
