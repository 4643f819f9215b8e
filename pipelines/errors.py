"""Families of errors, one exit code each, so an operator can tell what kind of help is needed from the code alone.

Every message says what happened, where, and what to do next. Nothing here formats a traceback or hides one.
"""

from collections.abc import Sequence


class WengangError(Exception):
    """Base of every error that a user is meant to read."""

    exit_code = 1


class UsageError(WengangError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class SettingsError(WengangError):
    """The home or its settings are wrong; all faults are named at once."""

    exit_code = 3

    def __init__(self, faults: Sequence[str]) -> None:
        """Join the faults into one message, one per line."""
        super().__init__("\n".join(faults))


class ContractError(WengangError):
    """A contract under ``sql/`` or ``--feeds`` contradicts itself; all faults are named at once."""

    exit_code = 4

    def __init__(self, faults: Sequence[str]) -> None:
        """Join the faults into one message, one per line."""
        super().__init__("\n".join(faults))


class DeliveryError(WengangError):
    """A delivered file is not what it says and was refused whole."""

    exit_code = 5


class GateClosedError(WengangError):
    """The quality gate is closed: no edition was issued, and the mail says why."""

    exit_code = 6


class StageOrderError(WengangError):
    """A stage was asked for before the stages whose tables it reads."""

    exit_code = 7


class BusyError(WengangError):
    """Another process is writing this home."""

    exit_code = 8


class NotFoundError(WengangError):
    """The edition, enterprise or batch asked for is not on record."""

    exit_code = 9


class ReplayDifferenceError(WengangError):
    """A rebuilt edition differs from the issued one."""

    exit_code = 10


class NotComparableError(WengangError):
    """The edition was issued by other code or parameters, so a difference proves nothing."""

    exit_code = 11


class SendingError(WengangError):
    """A mail could not be handed to the server; it stays in the outbox and is tried again."""

    exit_code = 12


class ModelLifeError(WengangError):
    """A model could not be trained, or must not be put in charge."""

    exit_code = 14


class PublishError(WengangError):
    """A file for analysts did not read back as it was written; the last good one stays in place."""

    exit_code = 13


class LateError(WengangError):
    """The edition of today did not reach its readers by the time it was due."""

    exit_code = 16


class BackupError(WengangError):
    """A backup could not be made whole, or does not hold what its list says; what was kept before stays."""

    exit_code = 15


class SourceDownError(WengangError):
    """A source could not be reached, or broke off; what it has is fetched the next time."""

    exit_code = 17


class SourceRefusedError(WengangError):
    """A source refused us, or we refused it: a login, a host key, a setting; trying again changes nothing."""

    exit_code = 18


class PurposeError(WengangError):
    """Data would be used for what their sharing was not approved for, or after its approval ended."""

    exit_code = 19


class RowsHeldError(WengangError):
    """A file that was checked before sending would land, and some of its rows would go to quarantine."""

    exit_code = 20
