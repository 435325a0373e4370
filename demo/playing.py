"""After the story: hands that play along with whoever tries the pages, until Ctrl-C."""

import time

from contracts.facts import RecorderIssued
from demo.card import Card
from demo.scene import Scene
from demo.story import record

AWAY_SECONDS = 20
_LOOK_SECONDS = 1


def play_along(scene: Scene) -> None:
    """Carry away each recorder that is issued, and bring it home after a while.

    Raises:
        DemoError: a program ended.
    """
    kiosk = scene.world.kiosk_url
    scene.tell(
        f"试一试: 在看板 {kiosk}/ 上领用一台; 它会离开工位, {AWAY_SECONDS} 秒后回站. Ctrl-C 结束",
        f"Try it: issue one at the kiosk; it leaves its dock and comes home in {AWAY_SECONDS} s. "
        "Ctrl-C ends the demo",
    )
    seen = len(scene.facts(RecorderIssued))
    away: dict[float, tuple[Card, int]] = {}
    while True:
        scene.programs.check_alive()
        issued = scene.facts(RecorderIssued)
        for fact in issued[seen:]:
            card = scene.cards.get(fact.recorder)
            if card is not None and fact.dock is not None:
                card.take_out()
                away[time.monotonic() + AWAY_SECONDS] = (card, fact.dock)
        seen = len(issued)
        for due in [due for due in away if due <= time.monotonic()]:
            card, dock = away.pop(due)
            record(card)
            card.dock(dock)
        time.sleep(_LOOK_SECONDS)
