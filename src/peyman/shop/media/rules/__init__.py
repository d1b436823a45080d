"""What is taken as a picture or a video, by its content alone; how files are called; what a gallery shows."""

from peyman.shop.media.rules.faults import FAULTS, Unfit
from peyman.shop.media.rules.gallery import Shot, arranged, check_alt, faces
from peyman.shop.media.rules.keys import WIDTHS, file_of, key_of, picture_file, video_file, widths_of
from peyman.shop.media.rules.look import Limits, Looked, look
from peyman.shop.media.rules.source import Held, Source

__all__ = [
    "FAULTS",
    "WIDTHS",
    "Held",
    "Limits",
    "Looked",
    "Shot",
    "Source",
    "Unfit",
    "arranged",
    "check_alt",
    "faces",
    "file_of",
    "key_of",
    "look",
    "picture_file",
    "video_file",
    "widths_of",
]
