"""Commands that keep a home: backup, restore, drill, housekeep. The command ``wengang`` adds them to its group."""

from dataclasses import replace
from pathlib import Path

import click

from pipelines import backup as backups
from pipelines import housekeeping, retention
from pipelines.ledger import Ledger
from pipelines.means import Means

PLACE = click.Path(file_okay=False, path_type=Path)
STORE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--to", type=PLACE, envvar="WENGANG_BACKUP", help="On another disk; else folder under [backup].")
@click.option("--anew", is_flag=True, help="Begin in an empty folder although backups went there before.")
@click.pass_obj
def backup(means: Means, to: Path | None, anew: bool) -> None:
    """Add a snapshot of what cannot be rebuilt; exit code 15 where it is not whole."""
    folder = backups.folder_of(means, to)
    made = backups.backup(means, folder, anew=anew)
    click.echo(
        f"{made.folder}: {len(made.files)} files, {made.size} bytes, of which {made.new_files} files, "
        f"{made.new_bytes} bytes new; last edition {made.edition_id or 'none'}"
    )


@click.command()
@click.option("--from", "source", type=STORE, envvar="WENGANG_BACKUP", required=True, help="The folder of the backups.")
@click.option("--snapshot", help="Its instant, as the folder under snapshots/ is called; else the newest.")
@click.pass_obj
def restore(means: Means, source: Path, snapshot: str | None) -> None:
    """Bring a snapshot back into an empty home, every file checked; exit code 15 where one is damaged."""
    chosen = backups.restore(source, means.home, snapshot=snapshot)
    waiting = len(Ledger(means.home.ledger).unsent())
    click.echo(
        f"{means.home.root}: {len(chosen.files)} files, {chosen.size} bytes, as of {chosen.taken_at} (Asia/Shanghai), "
        f"last edition {chosen.edition_id or 'none'}\n"
        f"what was delivered later must be received again; {waiting} mails wait and leave with the next run\n"
        "the working file, the core and the published files come back with the next night"
    )


@click.command()
@click.option("--from", "source", type=STORE, envvar="WENGANG_BACKUP", help="Else folder under [backup].")
@click.option("--feeds", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def drill(means: Means, source: Path | None, feeds: Path | None) -> None:
    """Restore the newest snapshot aside and rebuild its last edition; exit code 10 where it differs, 11 if no proof."""
    own = replace(means, feeds=feeds) if feeds else means
    click.echo(f"{backups.check(backups.drill(own, backups.folder_of(own, source)))}: identical")


@click.command()
@click.option("--dry-run", "is_dry", is_flag=True, help="Only list the delivered files that are past their retention.")
@click.pass_obj
def housekeep(means: Means, is_dry: bool) -> None:
    """Remove what is past its days and left over, make the working file small again.

    Delivered files past their retention are put on record first and go some days later ([retention] notice_days).
    """
    if is_dry:
        found = retention.due(means, Ledger(means.home.ledger))
        for one in found:
            click.echo(f"将删除 {one}")
        click.echo(f"{len(found)} batches, {sum(one.bytes for one in found)} bytes; nothing was deleted")
        return
    for deed in housekeeping.tidy(means):
        click.echo(str(deed))
