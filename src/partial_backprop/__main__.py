"""``python -m partial_backprop`` is the command line."""

import sys

from partial_backprop.cli import main

sys.exit(main())
