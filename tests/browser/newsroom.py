"""A newsletter, queued as the newsroom does it: `python -m tests.browser.newsroom TO JSON`, in a shop's environment."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peyman.config.settings")
django.setup()

from peyman.entrypoints import clock, contacts  # noqa: E402  models need the settings
from peyman.messages import actions  # noqa: E402
from peyman.messages.rules import Why  # noqa: E402
from peyman.people import queries, rules  # noqa: E402
from peyman.people.models import Person  # noqa: E402


def post(to: str, title: str, intro: str = "") -> str:
    """Queue one issue to someone's mobile or e-mail; return "", or the code of why it will never leave."""
    channel = rules.EMAIL if "@" in to else rules.SMS
    reader = Person.objects.get(email=to) if channel == rules.EMAIL else queries.by_mobile(rules.mobile_number(to))
    assert reader is not None
    out = contacts.opt_out_url(reader, channel)
    context = {"title": title, "link": out.partition("/opt-out/")[0] + "/goods/", "opt_out": out}
    if channel == rules.EMAIL:
        context |= {"intro": intro, "name": reader.full_name}
    row = actions.queue(
        actions.NewMessage(
            channel=channel,
            to=reader.email if channel == rules.EMAIL else reader.mobile,
            template="newsletter",
            context=context,
            key=f"news:{title}:{channel}:{reader.code}",
            person_id=reader.pk,
            why=Why.NEWSLETTER,
            opt_out_url=out,
        ),
        now=clock.now(),
    )
    return row.tries.get().detail if row.dead_at else ""


if __name__ == "__main__":
    print(post(sys.argv[1], **json.loads(sys.argv[2])))
