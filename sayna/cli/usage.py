"""`flask usage`: what each tenant used in a month, as a table, CSV or JSON."""

import csv
import json
import sys

import click
from flask.cli import with_appcontext

from sayna.cli.context import services
from sayna.cli.voices import print_table
from sayna.errors import SaynaError
from sayna.schemas.usage import load_month

COLUMNS = ("month", "tenant", "provider", "billed", "saved")


@click.command("usage")
@click.option("--month", default="", help="A month such as 2026-11; the present one otherwise.")
@click.option("--tenant", help="Only this tenant; '' is no tenant.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@with_appcontext
def usage(month: str, tenant: str | None, form: str | None) -> None:
    """Show the characters that vendors were paid for, and those that the cache saved."""
    meter = services().usage
    try:
        counts = meter.month(load_month(month, meter.this_month()), tenant)
    except SaynaError as error:
        raise click.ClickException(error.message) from error
    rows = [(key.month, key.tenant, key.provider, count.billed, count.saved) for key, count in counts.items()]
    if form == "json":
        click.echo(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], indent=2))
    elif form == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *rows])
    else:
        print_table([COLUMNS, *(tuple(map(str, row)) for row in rows)])
