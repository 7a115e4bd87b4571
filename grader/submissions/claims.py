"""Give each delivery its id, and find those that claim to be the same student's.

Two claim one student if their names are equal, look the same, or have the same number of a learning platform. If one
was named by the platform and the other was not, only the other waits for a tutor; between equals, both do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from grader.model import Flag
from grader.submissions.assembly import Delivery
from grader.submissions.look_alikes import skeleton, spelled
from grader.submissions.naming import folded, natural_key, printable, unique_ids
from grader.submissions.origins import together

_MOST_NAMED = 3


def told_apart(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """The deliveries with unique ids, in natural order; one for all with the same key, with the first one's id."""
    ranked = sorted(_merged(deliveries), key=lambda d: (d.standing, natural_key(printable(d.id)), d.id))
    names = [printable(delivery.id) for delivery in ranked]
    by_sign: dict[str, list[int]] = {}
    for index, delivery in enumerate(ranked):
        for sign in _signs(delivery):
            by_sign.setdefault(sign, []).append(index)
    found = []
    for index, (delivery, id) in enumerate(zip(ranked, unique_ids(names), strict=True)):
        rivals = sorted({rival for sign in _signs(delivery) for rival in by_sign[sign]} - {index})
        rivals = [rival for rival in rivals if ranked[rival].standing <= delivery.standing]
        mark = id.removeprefix(names[index]) if delivery.origin.name else ""  # such as " (2)", so that names differ
        origin = replace(delivery.origin, name=delivery.origin.name + mark)
        found.append(_claiming(replace(delivery, id=id, origin=origin), [names[rival] for rival in rivals]))
    return sorted(found, key=lambda delivery: natural_key(delivery.id))


def _signs(delivery: Delivery) -> Iterator[str]:
    yield f"name {folded(printable(delivery.id))}"
    if look := skeleton(delivery.id):
        yield f"look {look}"
    if delivery.origin.account:
        yield f"account {delivery.origin.platform} {delivery.origin.account}"


def _claiming(delivery: Delivery, rivals: list[str]) -> Delivery:
    if not rivals:
        return delivery
    names = ", ".join(map(spelled, rivals[:_MOST_NAMED])) + (", ..." if len(rivals) > _MOST_NAMED else "")
    message = (
        f"Another submission has the same name, one that looks the same, or the same number ({names}); "
        f"a tutor should find out whose this one is, {spelled(delivery.id)}."
    )
    claim = delivery.claim or "More than one submission claims to be this student's."
    return replace(delivery, claim=claim, flags=(*delivery.flags, Flag("same-name", message)))


def _merged(deliveries: Iterable[Delivery]) -> list[Delivery]:
    by_key: dict[str, Delivery] = {}
    for delivery in deliveries:
        known = by_key.get(delivery.key)
        by_key[delivery.key] = (
            delivery
            if known is None
            else replace(
                known,
                parts=known.parts + delivery.parts,
                refusals=known.refusals + delivery.refusals,
                origin=together(known.origin, delivery.origin),
            )
        )
    return list(by_key.values())
