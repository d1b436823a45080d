"""Why a file is not taken, each reason with its sentence."""

from collections.abc import Mapping
from typing import Final

from peyman.kernel.errors import Refused
from peyman.kernel.text import persian_digits

_ONLY: Final = "تنها تصویر JPEG، PNG یا WebP و ویدیوی MP4 یا WebM می‌پذیریم."

FAULTS: Final = {
    "empty": "فایل خالی است.",
    "unknown": f"محتوای فایل تصویر یا ویدیو نیست، هر نامی که دارد. {_ONLY}",
    "svg": f"SVG و XML برنامه هم می‌توانند باشند و پذیرفته نمی‌شوند. {_ONLY}",
    "page": f"محتوای فایل یک صفحه وب است، نه تصویر. {_ONLY}",
    "program": f"محتوای فایل یک برنامه است، نه تصویر. {_ONLY}",
    "archive": f"محتوای فایل بایگانی فشرده (مانند ZIP) است. آن را باز کنید و تصویرها را بیاورید. {_ONLY}",
    "document": f"محتوای فایل سند است، نه تصویر. {_ONLY}",
    "gif": f"GIF پذیرفته نمی‌شود؛ آن را به PNG یا ویدیوی MP4 برگردانید. {_ONLY}",
    "other_picture": f"این قالب تصویر (مانند HEIC، AVIF، TIFF یا BMP) پذیرفته نمی‌شود؛ آن را JPEG ذخیره کنید. {_ONLY}",
    "other_video": f"این قالب ویدیو (مانند MOV، MKV یا AVI) پذیرفته نمی‌شود؛ آن را MP4 با H.264 ذخیره کنید. {_ONLY}",
    "two_things": "فایل هم تصویر است و هم چیز دیگری (بایگانی، سند یا برنامه). آن را با یک ویرایشگر از نو ذخیره کنید.",
    "animated": "تصویر متحرک پذیرفته نمی‌شود. یک تصویر ثابت بیاورید یا ویدیو.",
    "torn": "فایل ناقص یا خراب است. آن را از نو بگیرید و دوباره بیاورید.",
    "heavy": "فایل {size} مگابایت است؛ بیش از {most} مگابایت پذیرفته نمی‌شود.",
    "vast": "تصویر {width} در {height} نقطه است؛ بیش از {most} میلیون نقطه پذیرفته نمی‌شود.",
    "tiny": "تصویر {width} در {height} نقطه است؛ دست‌کم {least} نقطه در ضلع بلندتر و {narrow} در ضلع کوتاه‌تر لازم است.",
    "long": "ویدیو {seconds} ثانیه است؛ بیش از {most} ثانیه پذیرفته نمی‌شود.",
    "no_length": "درازای ویدیو در خود آن نوشته نشده است. آن را با یک ویرایشگر از نو ذخیره کنید.",
    "no_picture": "این ویدیو تصویر ندارد.",
    "codec": "مرورگرها این ویدیو را نشان نمی‌دهند. MP4 با H.264 یا WebM با VP9 بیاورید.",
    "more_tracks": "ویدیو جز صدا و تصویر چیز دیگری (مانند مسیر GPS) هم دارد. آن را تنها با صدا و تصویر ذخیره کنید.",
    "taken_down": "این فایل به‌دنبال یک درخواست برای همیشه حذف شده است و دوباره پذیرفته نمی‌شود.",
    "too_hard": "خواندن این تصویر بیش از اندازه حافظه یا زمان برد و رها شد. آن را کوچک‌تر یا ساده‌تر ذخیره کنید.",
}


class Unfit(Refused):
    """A file that is not taken; `fault` is a key of FAULTS. Of the file as it was, nothing is kept."""

    code = "media_unfit"
    says = "این فایل پذیرفته نشد."
    status = 422

    def __init__(self, fault: str, **details: int) -> None:
        super().__init__(**details)
        self.fault = fault

    @property
    def detail(self) -> str:
        """The sentence of the fault, filled in."""
        return said(self.fault, self.details)


def said(fault: str, details: Mapping[str, int] | None = None) -> str:
    """Return the sentence of a fault, its numbers in Persian digits."""
    sentence = FAULTS.get(fault, Unfit.says)
    return sentence.format_map({name: persian_digits(value) for name, value in (details or {}).items()})
