"""Where the program starts: `convai-logscan` and `python -m convai_logscan`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded is no traceback either."""
    try:
        from convai_logscan.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("convai-logscan: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
