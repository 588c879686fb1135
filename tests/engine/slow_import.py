"""A module that takes its time; see `rough.FromASlowFamily`."""

import time

time.sleep(1.0)
