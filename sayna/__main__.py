"""The command of Sayna: `python -m sayna`, which scripts/sayna runs."""

from sayna.cli.command import sayna

if __name__ == "__main__":
    sayna(prog_name="sayna")
