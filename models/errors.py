"""What may be wrong with a learned model: one class per kind, with words for the engineer and for the officers.

The rule score takes over when one of these is raised; nothing here decides that.
"""


class ModelError(Exception):
    """A model cannot be used; ``officers`` says so in one Chinese sentence."""

    def __init__(self, message: str, *, officers: str) -> None:
        """Keep ``message`` (English, what to do next) and ``officers`` (Chinese, for the edition)."""
        super().__init__(message)
        self.officers = officers


class UnsupportedModelError(ModelError):
    """The fitted model has a shape that is not handled here: categories, classes, too many leaves."""


class MissingArtefactError(ModelError):
    """The folder or a file of it is not there."""


class DamagedArtefactError(ModelError):
    """A file is not the one that was written: truncated, changed or unreadable."""


class ForeignTypeError(ModelError):
    """The model file holds a type that is not on the closed list."""


class NewerFormatError(ModelError):
    """The artefact was written by a later Wengang."""


class DifferentScoresError(ModelError):
    """The scores computed here are not those that were stored with the model."""


class MissingFeaturesError(ModelError):
    """The night lacks features that the model reads."""


class NothingToLearnError(ValueError):
    """The panel has no row, no event or no later month to learn from or to judge by."""


def inexact(learner: str, *, rows: int) -> UnsupportedModelError:
    """The refusal of a ``learner`` of which nothing that adds up exactly can be said, asked for ``rows`` rows."""
    return UnsupportedModelError(
        f"{learner} give no exact contributions (asked for {rows} rows): explain boosted trees",
        officers="模型类型不受支持，改用规则评分。",
    )
