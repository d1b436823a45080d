"""What a page says, once it answered as it should."""

import re
from typing import Any


def text_of(answer: Any, status: int = 200) -> str:
    """Return what stands in an answer that has this status."""
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def html_of(answer: Any, status: int = 200) -> str:
    """Return the same of a page whose words are all ours: with the letters of Persian, not with Arabic's."""
    text = text_of(answer, status)
    assert not re.search("[يك]", text)
    return text


def plain_html_of(answer: Any, status: int = 200) -> str:
    """Return the same of a page that has neither script nor style of its own: only deferred files of ours."""
    text = html_of(answer, status)
    assert " style=" not in text and " onclick" not in text
    assert all(re.match(r'<script defer src="/static/[^"]+"></script>', each) for each in re.findall("<script.*", text))
    return text
