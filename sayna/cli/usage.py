"""`sayna usage`: what each tenant used in a month, as a table, CSV or JSON."""

import csv
import sys

import click

from sayna.cli.command import Command, as_json, print_json, print_table, services

COLUMNS = ("month", "tenant", "provider", "billed", "saved")


@click.command("usage", cls=Command)
@click.option("--month", default="", help="A month such as 2026-11; the present one otherwise.")
@click.option("--tenant", help="Only this tenant; '' is no tenant.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@as_json
def usage(month: str, tenant: str | None, *, as_csv: bool, as_json: bool) -> None:
    """Show the characters that vendors were paid for in a month, and those that the cache saved."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json cannot be combined.")
    meter = services().usage
    month = meter.parse_month(month)
    counts = meter.month(month, tenant)
    rows = [(key.month, key.tenant, key.provider, count.billed, count.saved) for key, count in counts.items()]
    if as_json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *rows])
    else:
        print_table([COLUMNS, *(tuple(map(str, row)) for row in rows)])
        if not rows:
            click.echo(f"Nothing was counted in {month}. Local voices are never counted.", err=True)
