"""How Peyman says no: one exception family with a stable code, a clause, and Persian words.

A refusal is an answer, not a fault. Whatever is not a `Refused` is a bug and stays loud.
"""

from typing import Any, ClassVar

from peyman.kernel.text import persian_digits


class Refused(Exception):
    """Something was asked that the terms, the data or the stock do not allow.

    Subclasses stand beside the rule that raises them and set:

    - `code`: stable, snake_case, in English; part of the API.
    - `clause`: id of the clause that refuses ("D57"), or None where no clause does.
    - `says`: one or two formal Persian sentences: what did not happen, why, what it did not cost,
      what now. `{name}` placeholders are filled from the keyword arguments.
    - `status`: HTTP status an entry point answers with.
    """

    code: ClassVar[str] = "refused"
    clause: ClassVar[str | None] = None
    says: ClassVar[str] = "این کار انجام نشد."
    status: ClassVar[int] = 409

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__(self.code)

    def __reduce__(self) -> Any:
        """Let it be said in another process: made again of what it holds, not of what it was called with."""
        return type(self).__new__, (type(self), *self.args), self.__dict__

    @property
    def detail(self) -> str:
        """The Persian sentences, filled in; whole numbers in Persian digits."""
        shown = {name: persian_digits(value) if type(value) is int else value for name, value in self.details.items()}
        return self.says.format_map(shown)


class Invalid(Refused):
    """Fields that are missing or wrong, all of them named at once."""

    code = "invalid"
    says = "چند مورد از اطلاعات کامل یا درست نیست."
    status = 422

    def __init__(self, fields: dict[str, str], **details: Any) -> None:
        """`fields`: field name → Persian sentence that says what is wrong and the way out."""
        super().__init__(**details)
        self.fields = fields


class Missing(Refused):
    """No such thing, or not yours: the two are never told apart."""

    code = "not_found"
    says = "چیزی با این نشانی پیدا نشد."
    status = 404


class TryLater(Refused):
    """A dependency is away or a limit is reached; nothing was promised."""

    code = "try_later"
    says = "اکنون نمی‌توانیم این کار را انجام دهیم. چیزی ثبت نشد و پولی گرفته نشد؛ کمی بعد دوباره تلاش کنید."
    status = 503

    def __init__(self, retry_after: int = 30, **details: Any) -> None:
        """`retry_after`: seconds."""
        super().__init__(**details)
        self.retry_after = retry_after
