"""Commands about editions that went out."""

import click

from pipelines import withdrawing
from pipelines.means import Means


@click.group(name="edition")
def edition_group() -> None:
    """Editions that went out."""


@edition_group.command()
@click.argument("edition_id", metavar="EDITION")
@click.option("--by", "role", required=True, help="Role or desk, never a person's name.")
@click.option("--reason", required=True, help="Mailed to all who had the list; no enterprise's and no person's name.")
@click.pass_obj
def withdraw(means: Means, edition_id: str, role: str, reason: str) -> None:
    """Take an issued edition back (2026-11-24-r1): a correction goes to all who had it, and it stays on record."""
    done = withdrawing.withdraw(means, edition_id, role=role, reason=reason)
    click.echo(f"已撤回 {done.edition_id}，更正邮件 {done.corrections} 封")
    click.echo(f"现行名单：{done.in_force or '无'}")
    if not done.is_later:
        click.echo(f"run 'wengang run --as-of {done.edition_id[:10]}' for a new one")
    if done.refusal:
        click.echo(f"部分更正邮件未送出，将再次发送 (will be tried again): {done.refusal}", err=True)
