"""What is taken as a picture or a video, by its content alone; how files are called; what a gallery shows."""

from peyman.shop.media.rules.faults import FAULTS, Unfit
from peyman.shop.media.rules.gallery import Shot, arranged, check_alt, faces
from peyman.shop.media.rules.keys import WIDTHS, file_of, key_of, picture_file, tombstone, video_file, widths_of
from peyman.shop.media.rules.look import Limits, Looked, look
from peyman.shop.media.rules.source import Held, Source
from peyman.shop.media.rules.takedowns import LONGEST_WHY, REASONS, NotYetGone, TakenDown, check_why, key_in
from peyman.shop.media.rules.takedowns import check as check_takedown

__all__ = [
    "FAULTS",
    "LONGEST_WHY",
    "REASONS",
    "WIDTHS",
    "Held",
    "Limits",
    "Looked",
    "NotYetGone",
    "Shot",
    "Source",
    "TakenDown",
    "Unfit",
    "arranged",
    "check_alt",
    "check_takedown",
    "check_why",
    "faces",
    "file_of",
    "key_in",
    "key_of",
    "look",
    "picture_file",
    "tombstone",
    "video_file",
    "widths_of",
]
