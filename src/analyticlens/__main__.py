"""`python -m analyticlens`: the command line without the installed script."""

import sys

from analyticlens.cli import main

if __name__ == "__main__":
    sys.exit(main())
