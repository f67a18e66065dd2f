"""The status page: a grantee sees where its money is, without account or script.

Whoever has the address may read it: the token in it is the key. It is one request, fits into the
first round trip of a slow line, and is told in the languages of `texts/`.
"""

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from functools import cache
from hashlib import sha256

from litestar import Response
from markupsafe import Markup
from msgspec import Struct

from mfm.app.overlap_reads import SeenOverlap
from mfm.app.status import Shown, shown
from mfm.core.conditions import Condition
from mfm.core.contests import Contest
from mfm.core.next_steps import TrancheStep
from mfm.core.nouns import KINDS
from mfm.core.permissions import Actor
from mfm.web.endpoints import Ask, Endpoint, header
from mfm.web.languages import LANG, LANGUAGES, Language, chosen, isolated
from mfm.web.reference import PAGES
from mfm.web.services import Services

_PAYMENTS_MAX, _REST_MAX, _TASKS_MAX, _REASONS_MAX, _CONTESTS_MAX = 8, 24, 8, 6, 4
"""A page stays small however long the schedule is: so many payments in full, and in a line each."""
_ANSWER_MAX = 200
"""So much is shown of an answer that was given."""
_UNPACKS = re.compile(r"(?i)\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_ASKED_FOR = frozenset({"requested", "reviewed", "returned", "approved", "instructed", "released"})


class Task(Struct, frozen=True):
    """Something that the grantee is to do: what, and which payment it is about and by when."""

    text: Markup
    facts: tuple[Markup, ...] = ()


class Payment(Struct, frozen=True):
    """A payment in full."""

    heading: Markup
    amount: Markup
    state: Markup
    days: tuple[Markup, ...]
    facts: tuple[tuple[Markup, Markup], ...]


class View(Struct, frozen=True):
    """What the page says, in one language."""

    grant: Markup
    as_of: Markup
    note: Markup | None
    tasks: list[Task]
    holding: list[Task]
    overlaps: list[Task]
    contests: list[Task]
    money: list[tuple[Markup, Markup]]
    payments: list[Payment]
    rest: list[Markup]


class _Writer:
    """Tells what is shown in one language."""

    def __init__(self, language: Language, told: Shown) -> None:
        self.language = language
        self.told = told
        self.grant = told.around.commitment
        self.say = language.say

    def view(self) -> View:
        grant, told = self.grant, self.told
        names = {"id": grant.id, "party": told.party.name, "fund": told.around.giver.name}
        full = self._in_full()
        rest = [step for step in told.steps if step.tranche not in full]
        halted = grant.status in ("suspended", "terminated", "closed")
        return View(
            grant=self.say("page", "grant", **names),
            as_of=self.say("page", "as_of", day=self.language.day(told.today)),
            note=self.say("grant", grant.status) if halted else None,
            tasks=list(self._tasks())[:_TASKS_MAX],
            holding=list(self._holding())[:_REASONS_MAX],
            overlaps=[self._overlap(case) for case in told.overlaps],
            contests=list(self._contests())[:_CONTESTS_MAX],
            money=list(self._money()),
            payments=[self._payment(step) for step in told.steps if step.tranche in full],
            rest=[self._line(step) for step in rest[:_REST_MAX]] + self._more(rest[_REST_MAX:]),
        )

    def _in_full(self) -> set[int]:
        """Return the payments told in full: those under way, and the next to ask for."""
        steps = self.told.steps
        under_way = [step for step in steps if step.disbursement and step.next_step is not None]
        ahead = [step for step in steps if not step.disbursement and step.next_step is not None]
        return {step.tranche for step in [*under_way, *ahead[:1]][:_PAYMENTS_MAX]}

    def _amount(self, amount_minor: int) -> Markup:
        return self.language.money(amount_minor, self.grant.currency)

    def _tasks(self) -> Iterator[Task]:
        """Yield what the grantee is to do, what is due first; of payments to ask for, the first."""
        owed_minor = self.grant.claimed_minor - self.grant.refunded_minor
        if owed_minor > 0:
            yield Task(self.say("why", "refund-due", amount=self._amount(owed_minor)))
        own = [
            step
            for step in self.told.steps
            if step.next_step is not None and step.next_step.who == "grantee"
        ]
        to_ask = [step for step in own if not step.disbursement]
        own = [step for step in own if step.disbursement] + to_ask[:1]
        for step in sorted(own, key=self._urgency):
            assert step.next_step is not None  # held above
            facts = (self._heading(step), *self._deadline(step))
            yield Task(self.say("why", step.next_step.why), facts)

    def _holding(self) -> Iterator[Task]:
        """Yield each reason for which policies hold something up, and what to do about it."""
        steps = {f"disbursement:{step.disbursement}": step for step in self.told.steps}
        for held in self.told.holding:
            step = steps.get(held.subject)
            about = self._heading(step) if step else self.say("page", "agreement")
            since = self.say("page", "held", day=self.language.day(held.on))
            contest = held.contest
            if contest is None or contest.status == "reversed":
                word = self.say("page", "contest", id=held.decision)
            else:
                word = self._contest(contest)
            for reason in held.reasons:
                where = Markup(" · ").join((about, since))
                facts = (Markup.escape(reason.fix), where, word)
                yield Task(Markup.escape(reason.message), facts)

    def _contest(self, contest: Contest) -> Markup:
        """Return where a contest stands: an open one until when, or since when, it waits."""
        late = contest.status == "open" and contest.due_on < self.told.today
        lifted = contest.status == "upheld" and contest.subject.startswith(f"{KINDS[Condition]}:")
        key = "late" if late else "lifted" if lifted else contest.status
        return self.say("contest", key, day=self.language.day(contest.due_on))

    def _contests(self) -> Iterator[Task]:
        """Yield the conditions that are proposed, or were contested and what became of that."""
        for condition in self.told.conditions:
            contest = self.told.contests.get(condition.id)
            if contest is not None:
                yield Task(isolated(condition.title), (self._contest(contest),))
            elif condition.status == "proposed":
                word = self.say("page", "proposed", id=condition.id)
                yield Task(isolated(condition.title), (word,))

    def _overlap(self, case: SeenOverlap) -> Task:
        """Return what was noticed, what the grantee may say to it and has said, and the outcome."""
        facts = [Markup.escape(each) for each in case.evidence]
        answers = [side.answer for side in case.sides if side.answer]
        facts += [self.say("overlap", "answered", text=shortened(each)) for each in answers]
        notes = [side.noted for side in case.sides if side.noted]
        facts += [self.say("overlap", "noted", text=shortened(each)) for each in notes]
        if case.decided_on is not None:
            facts.append(self.say("overlap", case.status, day=self.language.day(case.decided_on)))
        else:
            key = "still" if case.answer_by < self.told.today else "until"
            names = {"id": case.id, "fund": self.told.around.giver.name}
            facts.append(self.say("overlap", key, day=self.language.day(case.answer_by), **names))
            facts.append(self.say("overlap", "open"))
        facts.append(Markup.escape(case.effect_notice))
        return Task(Markup.escape(case.notice), tuple(facts))

    @staticmethod
    def _by(step: TrancheStep) -> date | None:
        return step.next_step.by if step.next_step is not None else None

    def _urgency(self, step: TrancheStep) -> tuple[bool, date]:
        """Return what sorts tasks: what is under way first, and of that what is due first."""
        return not step.disbursement, self._by(step) or date.max

    def _deadline(self, step: TrancheStep) -> tuple[Markup, ...]:
        by = self._by(step)
        if by is None:
            return ()
        key = "late" if by < self.told.today else "by"
        if step.next_step is not None and step.next_step.why == "not-requested":
            key = "expected"
        return (self.say("page", key, day=self.language.day(by)),)

    def _money(self) -> Iterator[tuple[Markup, Markup]]:
        grant = self.grant
        for key, amount_minor in (
            ("agreed", grant.amount_minor),
            ("paid", grant.paid_minor),
            ("to_come", grant.amount_minor - grant.paid_minor),
            ("accounted", grant.accepted_minor),
            ("returned", grant.refunded_minor),
        ):
            if amount_minor or key != "returned":
                yield self.say("page", key), self._amount(amount_minor)

    def _heading(self, step: TrancheStep) -> Markup:
        return self.say("page", "payment", number=step.tranche, count=len(self.told.steps))

    def _state(self, step: TrancheStep) -> Markup:
        return self.say("state", step.status if step.amount_minor else "empty")

    def _payment(self, step: TrancheStep) -> Payment:
        return Payment(
            heading=self._heading(step),
            amount=self._amount(step.amount_minor),
            state=self._state(step),
            days=tuple(self._days(step)),
            facts=tuple(self._facts(step)),
        )

    def _days(self, step: TrancheStep) -> Iterator[Markup]:
        """Yield when it is expected, or when it was asked for and how long it takes."""
        taker, language = self.told.takers.get(step.disbursement), self.language
        if taker is None or taker.requested_on is None:
            if step.due_on is not None and step.amount_minor:
                yield self.say("page", "expected", day=language.day(step.due_on))
            return
        asked_on = taker.requested_on
        if taker.confirmed_on is not None:
            days = language.count("days", max((taker.confirmed_on - asked_on).days, 0))
            yield self.say("page", "took", day=language.day(taker.confirmed_on), days=days)
        elif taker.status in _ASKED_FOR:
            days = language.count("days", max((self.told.today - asked_on).days, 0))
            yield self.say("page", "asked", day=language.day(asked_on), days=days)

    def _facts(self, step: TrancheStep) -> Iterator[tuple[Markup, Markup]]:
        waited = [each for each in self.told.around.unmet if each.tranche == step.tranche]
        for condition in waited:
            told = isolated(condition.title)
            if not condition.contest:
                contest = self.say("page", "contestable", id=condition.id)
                told = Markup("<br>").join((told, contest))
            yield self.say("page", "conditions"), told
        if step.next_step is not None:
            yield self.say("page", "waiting"), self.say("why", step.next_step.why)
            turn = self.say("who", step.next_step.who)
            if step.disbursement:  # else the day stands above: nobody is late who asks later
                turn = Markup("<br>").join((turn, *self._deadline(step)))
            yield self.say("page", "turn"), turn

    def _line(self, step: TrancheStep) -> Markup:
        parts = [self._heading(step), self._amount(step.amount_minor), self._state(step)]
        return Markup(" · ").join([*parts, *self._days(step)])

    def _more(self, steps: list[TrancheStep]) -> list[Markup]:
        if not steps:
            return []
        amount = self._amount(sum(step.amount_minor for step in steps))
        return [self.language.count("more", len(steps), amount=amount)]


def shortened(text: str) -> str:
    """Return a text, or how it begins."""
    return text if len(text) <= _ANSWER_MAX else f"{text[:_ANSWER_MAX]}…"


@cache
def _style() -> tuple[Markup, str]:
    """Return the page's style, and the policy that lets in that and nothing else."""
    assert PAGES.loader is not None  # it has one
    text = PAGES.loader.get_source(PAGES, "status.css")[0]
    digest = b64encode(sha256(text.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
    return Markup(text), policy  # noqa: S704  # our own file


def _answer(ask: Ask, language: Language, view: View | None) -> Response[bytes]:
    style, policy = _style()
    content = PAGES.get_template("status.html").render(
        language=language, languages=LANGUAGES.values(), view=view, style=style
    )
    body = "\n".join(line for line in content.splitlines() if line).encode()
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": language.code,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding, Accept-Language",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
    }
    if _UNPACKS.search(header(ask, b"accept-encoding") or ""):
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    status = 200 if view is not None else 404
    return Response(body, status_code=status, media_type="text/html", headers=headers)


async def _status(services: Services, ask: Ask, _: Actor | None) -> Response[bytes]:
    """Show a grant to whoever has its link; parameters that are not ours are let be."""
    language = chosen(ask.query_params.get("lang", ""), header(ask, b"accept-language") or "")
    told = await shown(services.engine, str(ask.path_params["token"]), language.code)
    return _answer(ask, language, None if told is None else _Writer(language, told).view())


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/s/{token}",
        action="",
        handle=_status,
        media=("text/html",),
        text="A grant's status page, for whoever has its link.",
        queries=(LANG,),
    ),
)
