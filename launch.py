"""The way into facealign without installing it: `python launch.py --help`."""

from facealign.cli.main import start

if __name__ == "__main__":  # not in processes that it starts
    start()
