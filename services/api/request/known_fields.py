"""Bodies whose fields are all known: any other is refused, as is any other query parameter (`known_parameters`).

What is misspelt would be left out in silence: `crs` for `datum` puts a hydrant 500 m away, `area` for `areas` takes
nothing from anybody.
"""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class KnownFields(BaseModel):
    """A body that is refused where it holds an unknown field.

    `answered` are the fields of the document that answers: what is only read is passed over, so that a document that
    was read can be changed and sent back whole.
    """

    model_config = ConfigDict(extra="forbid")
    answered: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_only_read(cls, sent: Any) -> Any:
        only_read = cls.answered - cls.model_fields.keys()
        return {name: sent[name] for name in sent if name not in only_read} if isinstance(sent, dict) else sent
