"""Reading the terms. Versions never change, so what belongs to one is remembered by the process under its key."""

from collections import deque
from datetime import datetime, timedelta
from functools import lru_cache

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people.models import Person
from peyman.promises import rules
from peyman.promises.models import Acceptance, TermsClause, TermsVersion

# What a statement of a higher room may read beside its own, to see in one go whether anything changed: the hash of the
# version in force at %(now)s. `by_hash` gives the version.
IN_FORCE = (
    "(SELECT sha256 FROM promises_termsversion WHERE effective_at <= %(now)s"
    " ORDER BY effective_at DESC, number DESC LIMIT 1)"
)

_MEMORY = timedelta(seconds=60)


@carries_out("D03")
def terms_in_force(now: datetime) -> TermsVersion:
    """Return the one version in force at `now`: the newest that has taken effect. One query.

    Raises TermsVersion.DoesNotExist where none was published yet: a shop without terms sells nothing.
    """
    version = TermsVersion.objects.filter(effective_at__lte=now).order_by("-effective_at", "-number").first()
    if version is None:
        raise TermsVersion.DoesNotExist("no terms are in force; `peyman init` publishes the first version")
    _last().append((now, version.number))
    return version


def number_in_force(now: datetime) -> int:
    """Return the number of the version in force, for what every page says of it; 0 where there is none yet.

    Remembered for a minute in each process, so a new version is told of up to a minute late. What decides anything
    asks `terms_in_force`.
    """
    last = _last()
    if last and timedelta() <= now - last[-1][0] < _MEMORY:
        return last[-1][1]
    try:
        return terms_in_force(now).number
    except TermsVersion.DoesNotExist:
        return 0


def terms(number: int) -> TermsVersion:
    """Return one version by its number. Raises Missing."""
    version = TermsVersion.objects.filter(number=number).first()
    if version is None:
        raise Missing
    return version


def version(pk: int, sha256: str) -> TermsVersion:
    """Return a version by its key and hash, as orders hold them; without its document. Remembered, it never changes."""
    return _version(pk, sha256)


def by_hash(sha256: str | None, now: datetime) -> TermsVersion:
    """Return the version that was just read to be in force, by its hash; remembered, and so is that it is in force.

    Raises TermsVersion.DoesNotExist for None: a shop without terms sells nothing.
    """
    if sha256 is None:
        raise TermsVersion.DoesNotExist("no terms are in force; `peyman init` publishes the first version")
    found = _by_hash(sha256)
    _last().append((now, found.number))
    return found


def all_terms() -> list[TermsVersion]:
    """Return every published version, newest first."""
    return list(TermsVersion.objects.order_by("-number"))


def source(version: TermsVersion) -> str:
    """Return the document of a version as TOML: the one it was read from, or one made of its rows."""
    if version.source:
        return version.source
    texts = [
        rules.ClauseText(clause.clause, clause.number, clause.section, clause.title, clause.text)
        for clause in clauses(version)
    ]
    return rules.as_toml(version.title, version.parameters, texts)


def clauses(version: TermsVersion) -> tuple[TermsClause, ...]:
    """Return the clauses of a version in their order; remembered, they never change."""
    return _clauses(version.pk, version.sha256)


def clause_number(version: TermsVersion, clause: str) -> str:
    """Return the published number of a register id in one version: "D57" → "11-4".

    Raises KeyError where the version has no such clause: a refusal must not cite what was never published.
    """
    return _numbers(version.pk, version.sha256)[clause]


def clause_titles(version: TermsVersion) -> dict[str, str]:
    """Return register id → short title of a version's clauses, in their order."""
    return {clause.clause: clause.title for clause in clauses(version)}


@carries_out("D05")
def has_accepted(person: Person, version: TermsVersion) -> bool:
    """Say whether the person said yes to this very version, at sign-up or with an order; implied does not count."""
    explicit = [Acceptance.Kind.SIGN_UP, Acceptance.Kind.ORDER]
    return Acceptance.objects.filter(person=person, version=version, kind__in=explicit).exists()


@lru_cache(maxsize=1)
def _last() -> deque[tuple[datetime, int]]:
    """Which version was in force when it was read last."""
    return deque(maxlen=1)


@lru_cache(maxsize=32)
def _version(pk: int, sha256: str) -> TermsVersion:
    return TermsVersion.objects.defer("source").get(pk=pk)


@lru_cache(maxsize=32)
def _by_hash(sha256: str) -> TermsVersion:
    return TermsVersion.objects.defer("source").get(sha256=sha256)


@lru_cache(maxsize=32)
def _clauses(pk: int, sha256: str) -> tuple[TermsClause, ...]:
    return tuple(TermsClause.objects.filter(version=pk).order_by("position", "pk"))


@lru_cache(maxsize=32)
def _numbers(pk: int, sha256: str) -> dict[str, str]:
    return {clause.clause: clause.number for clause in _clauses(pk, sha256)}
