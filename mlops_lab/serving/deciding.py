"""What a decision makes of an endpoint: pure functions from what is to what should be.

Each refuses what the present state does not allow and names the way out, so that of two people
who decide at once the second one is told what the first one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlops_lab.errors import Conflict, InvalidInput
from mlops_lab.governance import Identity
from mlops_lab.serving.records import Desired, Limits, Revision, Rollout

__all__ = [
    "GUARD",
    "RAMP",
    "Change",
    "Past",
    "begin",
    "deploy",
    "end_rollout",
    "promote",
    "rollback",
    "set_share",
    "stop",
]

GUARD: Final = Identity("guard", "endpoint")
"""Who takes a canary back by itself."""
RAMP: Final = Identity("ramp", "endpoint")
"""Who raises a share as it was planned."""

_WORD: Final[Mapping[str, str]] = {"canary": "canary", "shadow": "shadow", "ab": "A/B test"}


@dataclass(frozen=True, slots=True)
class Change:
    """What was decided about an endpoint, or that there was nothing to decide.

    Attributes
    ----------
    desired
        What it should serve now.
    sentence
        What changed, or why nothing did.
    changed
        Whether a decision was taken.
    """

    desired: Desired
    sentence: str
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Past:
    """What is to be known of an endpoint's past.

    Attributes
    ----------
    revisions
        How many it has had: the next one's number follows.
    former
        The revisions that were stable before, the last one last; those that were rolled back from
        are not among them.
    """

    revisions: int = 0
    former: tuple[Revision, ...] = ()

    @classmethod
    def of(cls, settled: Sequence[tuple[str, Desired]]) -> Past:
        """Read it from an endpoint's decisions in their order: the verb, and what it settled.

        Examples
        --------
        >>> Past.of([])
        Past(revisions=0, former=())
        """
        highest, former = 0, list[Revision]()
        stable: Revision | None = None
        for verb, desired in settled:
            for one in desired.revisions:
                highest = max(highest, int(one.id[1:] or 0))
            now = desired.revision(desired.stable)
            if stable is not None and now.id != stable.id:
                if verb == "rollback":
                    while former and former.pop().id != now.id:
                        pass
                else:
                    former = [one for one in former if one.id != now.id] + [stable]
            stable = now
        return cls(highest, tuple(former))


def deploy(
    present: Desired | None,
    past: Past,
    name: str,
    asked: Revision,
    *,
    follows: str | None,
    workers: int | None,
    port: int | None,
    host: str | None,
    token_hash: str | None,
    limits: Limits | None,
) -> Change:
    """Have an endpoint serve a version; what it serves is ready for a rollback.

    Parameters
    ----------
    present
        What it should serve so far; None for one that is new.
    past
        Of the endpoint.
    asked
        The version; its id is chosen here.
    follows
        The alias by which it was named.
    workers, port, host, limits
        As of `Desired`; None leaves them as they are, and a port of 0 closes the one there is.
    token_hash
        Of the token that goes with the port.
    """
    base = present or Desired(name, 0, "stopped", (), "")
    settings = replace(
        base,
        workers=base.workers if workers is None else workers,
        port=base.port if port is None else port or None,
        host=base.host if host is None else host,
        token_hash=base.token_hash if token_hash is None else token_hash,
        limits=base.limits if limits is None else limits,
        follows=follows,
    )
    if settings.port is None:
        settings = replace(settings, token_hash=None)
    if base.state == "stopped":
        new = _numbered(asked, past)
        desired = replace(
            settings, state="serving", revisions=(new,), stable=new.id, standby=None, rollout=None
        )
        return Change(desired, f"{name} serves {new.ref}.")
    stable = base.revision(base.stable)
    if _same(stable, asked):
        settings = replace(settings, follows=follows or base.follows)
        if settings == base:
            said = f"{name} serves {stable.ref} already: there is nothing to do."
            return Change(base, said, changed=False)
        return Change(settings, f"{name} serves {stable.ref} as before, with other settings.")
    if base.rollout is not None:
        raise Conflict(_in_the_way(base, f"{asked.ref} is not deployed"))
    former = base.revision(base.standby) if base.standby and base.has(base.standby) else None
    new = former if former is not None and _same(former, asked) else _numbered(asked, past)
    desired = replace(settings, revisions=(new, stable), stable=new.id, standby=stable.id)
    return Change(desired, f"{name} serves {new.ref} now, in place of {stable.ref}.")


def begin(present: Desired, past: Past, asked: Revision, rollout: Rollout) -> Change:
    """Begin a rollout.

    Parameters
    ----------
    asked
        The version that is tried; its id is chosen here.
    rollout
        What is asked; its candidate and base are put in here.
    """
    name, word = present.name, _WORD[rollout.kind]
    _refuse_stopped(present)
    stable = present.revision(present.stable)
    going = present.rollout
    if going is not None:
        candidate = present.revision(going.candidate)
        if (
            going.kind == rollout.kind
            and _same(candidate, asked)
            and (going.by, going.guard) == (rollout.by, rollout.guard)
        ):
            return set_share(present, rollout.share, rollout.ramp)
        raise Conflict(_in_the_way(present, f"No {word} of {asked.ref} begins"))
    if _same(stable, asked):
        raise Conflict(
            f"{name} serves {stable.ref}: a {word} of the same version would show nothing."
        )
    new = _numbered(asked, past)
    desired = replace(
        present,
        revisions=(*present.revisions, new),
        rollout=replace(rollout, candidate=new.id, base=stable.id),
    )
    match rollout.kind:
        case "canary":
            said = f"{name} gives {rollout.share:g} % of its requests to {new.ref}, a canary."
        case "shadow":
            said = (
                f"{name} copies {rollout.share:g} % of its requests to {new.ref}, a shadow: "
                f"{stable.ref} answers."
            )
        case _:
            said = (
                f"{name} splits its units between {stable.ref} ({100 - rollout.share:g} %) and "
                f"{new.ref} ({rollout.share:g} %), an A/B test."
            )
    return Change(desired, said)


def set_share(
    present: Desired, share: float, ramp: tuple[tuple[int, float], ...] | None = None
) -> Change:
    """Change what part of the traffic a canary or a shadow gets.

    Parameters
    ----------
    share
        In percent.
    ramp
        The raises to come instead of the ones that were planned; None leaves those that are higher
        than the share.
    """
    going = _rollout_of(present)
    candidate = present.revision(going.candidate)
    word = _WORD[going.kind]
    raises = tuple(each for each in going.ramp if each[1] > share) if ramp is None else ramp
    if (share, raises) == (going.share, going.ramp):
        said = f"The {word} {candidate.ref} has {share:g} % already: there is nothing to do."
        return Change(present, said, changed=False)
    if going.kind == "ab":
        raise Conflict(
            f"An A/B test keeps its shares: with others it would be another test. End this one of "
            f"{candidate.ref} with {_ways(present)}, and begin anew."
        )
    desired = replace(present, rollout=replace(going, share=share, ramp=raises))
    told = f"gets {share:g} % instead of {going.share:g} %"
    return Change(desired, f"The {word} {candidate.ref} of {present.name} {told}.")


def promote(present: Desired) -> Change:
    """Make the version that is tried the one that serves."""
    _refuse_stopped(present)
    going = present.rollout
    if going is None:
        stable = present.revision(present.stable)
        raise Conflict(
            f"There is nothing to promote: {present.name} serves {stable.ref} and tries no other "
            f"version. `mlops-lab endpoint canary {present.name} MODEL@VERSION` tries one, "
            f"`endpoint deploy {present.name} MODEL@VERSION` replaces it at once."
        )
    new, old = present.revision(going.candidate), present.revision(present.stable)
    desired = replace(present, revisions=(new, old), stable=new.id, standby=old.id, rollout=None)
    return Change(desired, f"{present.name} serves {new.ref} now, in place of {old.ref}.")


def end_rollout(present: Desired) -> Change:
    """End the rollout: who serves goes on alone."""
    going = _rollout_of(present)
    candidate, stable = present.revision(going.candidate), present.revision(present.stable)
    desired = replace(
        present,
        revisions=tuple(one for one in present.revisions if one.id != going.candidate),
        rollout=None,
    )
    return Change(
        desired,
        f"The {_WORD[going.kind]} {candidate.ref} of {present.name} is over: {stable.ref} answers "
        "all requests.",
    )


def rollback(present: Desired, former: Revision) -> Change:
    """Go back to a revision that was stable before; a rollout that is on ends with it."""
    _refuse_stopped(present)
    stable = present.revision(present.stable)
    desired = replace(
        present,
        revisions=(former,),
        stable=former.id,
        standby=None,
        rollout=None,
        follows=None,
    )
    return Change(desired, f"{present.name} serves {former.ref} again, instead of {stable.ref}.")


def stop(present: Desired) -> Change:
    """Have an endpoint serve nothing; what it served is known for a start."""
    if present.state == "stopped":
        return Change(present, f"{present.name} is stopped already.", changed=False)
    stable = present.revision(present.stable)
    desired = replace(present, state="stopped", revisions=(stable,), standby=None, rollout=None)
    return Change(desired, f"{present.name} is stopped.")


# ---------------------------------------------------------------------------------- inside


def _same(one: Revision, other: Revision) -> bool:
    """Whether two revisions would answer alike."""
    return (one.model, one.version, one.digest, one.backend) == (
        other.model,
        other.version,
        other.digest,
        other.backend,
    )


def _numbered(asked: Revision, past: Past) -> Revision:
    return replace(asked, id=f"r{past.revisions + 1}")


def _refuse_stopped(present: Desired) -> None:
    if present.state == "stopped":
        raise Conflict(
            f"{present.name} is stopped. `mlops-lab endpoint deploy {present.name} MODEL@VERSION` "
            "starts it."
        )


def _rollout_of(present: Desired) -> Rollout:
    _refuse_stopped(present)
    if present.rollout is None:
        raise Conflict(
            f"{present.name} tries no other version: there is no canary, shadow or A/B test to "
            "change or to end."
        )
    return present.rollout


def _in_the_way(present: Desired, what: str) -> str:
    going = _rollout_of(present)
    candidate = present.revision(going.candidate)
    share = f" at {going.share:g} %"
    article = "An" if going.kind == "ab" else "A"
    return (
        f"{what}: {article.lower()} {_WORD[going.kind]} of {candidate.ref} is on{share}. End it "
        f"first, with {_ways(present)}."
    )


def _ways(present: Desired) -> str:
    return (
        f"`mlops-lab endpoint promote {present.name}` or `mlops-lab endpoint rollback "
        f"{present.name}`"
    )


def refuse_same_pair(refs: Sequence[str]) -> None:
    """Refuse a split that is not between two versions."""
    if len(set(refs)) != 2:
        raise InvalidInput(
            f"A split is between two versions, such as {{'flight-delay@5': 50, "
            f"'flight-delay@6': 50}}; got {len(set(refs))}."
        )
