"""Install prodgen: `python install.py`, then the command it ends with. `python install.py --help` lists the choices.

Standard library only. This file is readable to any Python, so that one that is too old can hand over to a newer one;
the work itself is in `installer/`.
"""

import os
import subprocess
import sys

if sys.version_info < (3, 10):
    for name in ("python3.13", "python3.12", "python3.11", "python3.14", "python3.10"):
        try:
            works = subprocess.call([name, "-c", "pass"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) == 0
        except OSError:
            works = False
        if works:
            sys.stdout.write("This Python is too old (%d.%d); going on with %s.\n" % (sys.version_info[:2] + (name,)))
            sys.stdout.flush()
            sys.exit(subprocess.call([name, os.path.abspath(__file__)] + sys.argv[1:]))
    sys.exit(
        "prodgen needs Python 3.10 to 3.14, and this is %d.%d (%s).\n"
        "  Install Python 3.12 and run: python3.12 install.py" % (sys.version_info[:2] + (sys.executable,))
    )

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from installer.main import main

    sys.exit(main())
