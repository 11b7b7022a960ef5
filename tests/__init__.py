"""Tests of everything. Test processes look for garbage more seldom than Python would: it took a fifth of their time."""

import gc

gc.set_threshold(20_000, 20, 20)
