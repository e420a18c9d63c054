"""An adapter whose module ends the program."""

import sys

sys.exit("not on this machine")
