"""How much may stream in: counted while it comes, before any page is asked whether it wants it."""

from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from peyman.people import rules
from peyman.people.models import Person

MEDIA = ("/desk/goods/", "/media/")  # how its address begins and ends
_PATIENCE = 4  # so many times what is allowed is still read to its end, so that the browser hears the answer


def is_too_much(request: HttpRequest) -> bool:
    """Say whether files of this request were cut off because together they were too large."""
    return bool(getattr(request, "too_much_came", False))


class Measured(FileUploadHandler):
    """Stop a request whose files are larger than whoever sends it may send.

    At the desk of pictures the page hears of it and says so; elsewhere such a request is refused as a whole.
    """

    def handle_raw_input(
        self, input_data: IO[bytes], META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        request = self.request
        assert request is not None  # noqa: S101 - Django gives it to handlers of requests
        whose = _whose(request)
        self.is_media = whose == "media"
        self.most = settings.UPLOAD_LIMITS[whose]
        self.came = 0
        self.is_hopeless = content_length > _PATIENCE * self.most
        if content_length > self.most + settings.DATA_UPLOAD_MAX_MEMORY_SIZE and not self.is_media:
            raise RequestDataTooBig("files of this request are too large")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.came += len(raw_data)
        if self.came > self.most:
            if not self.is_media:
                raise RequestDataTooBig("files of this request are too large")
            self.request.too_much_came = True  # type: ignore[union-attr]  # as above
            raise StopUpload(connection_reset=self.is_hopeless)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def _whose(request: HttpRequest) -> str:
    person = getattr(request, "user", None)
    if not isinstance(person, Person) or not rules.may(person.role, "desk"):
        return "anyone"
    is_media = request.path.startswith(MEDIA[0]) and request.path.endswith(MEDIA[1])
    return "media" if is_media and rules.may(person.role, "goods") else "staff"
