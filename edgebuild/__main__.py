"""`python -m edgebuild`."""

import sys

from edgebuild.entry import main

sys.exit(main())
