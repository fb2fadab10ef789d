"""`python -m analyticlens.bench`."""

import sys

from analyticlens.bench import main

sys.exit(main())
