"""`python -m convai_logscan`."""

from convai_logscan.cli import main

if __name__ == "__main__":
    main()
