"""Words that mean the same, each version of each set; and what was looked for with little or no result, by day."""

from django.db import models


class SynonymVersion(models.Model):
    """A set of words as it stands from an instant on, until its next version.

    `words` mean the same; who types one of them means `also`, too, but not the other way round. Both are lists, each
    word as search compares it. A set that is not on counts for nothing.
    """

    append_only = True

    set_code = models.CharField(max_length=16, db_index=True)  # the same for all versions of a set
    words = models.JSONField()
    also = models.JSONField(default=list)
    is_on = models.BooleanField()
    why = models.CharField(max_length=200)
    by = models.CharField(max_length=120)
    at = models.DateTimeField()


class Sought(models.Model):
    """What was looked for on a day, as search compares it, where little or nothing was found; not by whom."""

    LONGEST = 80

    day = models.DateField()
    typed = models.CharField(max_length=LONGEST)
    times = models.PositiveIntegerField()
    found = models.PositiveIntegerField()  # products, when it was last looked for

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "typed"], name="one_row_of_words_and_day")]
