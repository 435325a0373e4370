"""Random walks of a station that clears: no file is lost, nothing is removed unwitnessed."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.core.effect import (
    ClearCard,
    CopyFiles,
    Enter,
    Identify,
    LookAgain,
    ReadCardAgain,
    Release,
    Reply,
    Survey,
    TakeReadings,
)
from agent.core.event import (
    CardReadAgain,
    ClearEnded,
    CopyEnded,
    DevicesSeen,
    FromDock,
    Identified,
    LookedAgain,
    ReadAgain,
    Surveyed,
    Ticked,
    Trouble,
    UplinkChanged,
    VisitFailed,
)
from agent.core.recorder import Listing, Reread
from agent.core.station import Station
from contracts.errors import MountError
from contracts.facts import FootageImported, RecorderCleared, RecorderClearing
from tests.agent.core.test_station_clearing import CLEARING, KEY, WHO
from tests.support.made_up import (
    NOW,
    SETTINGS,
    card_file,
    device,
    entry,
    imported,
    later,
    proven,
    readings,
)

STUCK = Trouble.of(MountError(reason="busy"))
NAMES = tuple(f"{number}.mp4".encode() for number in range(6))


class Clearing(RuleBasedStateMachine):
    """One dock, one recorder that goes on recording, an office and a power supply that fail."""

    def __init__(self):
        super().__init__()
        self.card = set(NAMES[:2])
        self.ever = set(self.card)
        self.facts, self.orders, self.held = [], [], {}
        self.witnessed = self.seconds = self.arrivals = 0
        self.is_plugged = False
        self.station = self.started()

    def started(self):
        return Station(replace(SETTINGS, witness_key=KEY), CLEARING, NOW)

    @rule()
    def plug_or_pull(self):
        self.is_plugged = not self.is_plugged
        self.arrivals += self.is_plugged
        self.see()

    @precondition(lambda self: not self.is_plugged and len(self.ever) < len(NAMES))
    @rule()
    def record(self):
        self.card.add(NAMES[len(self.ever)])
        self.ever.add(NAMES[len(self.ever)])

    @rule(of_all=st.booleans())
    def witness(self, of_all):
        self.witnessed = len(self.facts) if of_all else max(self.witnessed, len(self.facts) // 2)
        self.look_up()

    @rule()
    def tick(self):
        self.seconds += 20
        self.decide(Ticked(10**9, 10**9, "synchronised"))

    @rule(how_far=st.integers(1, 6), is_seen=st.booleans())
    def go_on(self, how_far, is_seen):
        """Carry out some orders while seconds pass, the office seeing what is entered or not."""
        for _ in range(how_far):
            self.work(fails=False, data=None)
            self.tick()
            if is_seen:
                self.witness(True)

    @precondition(lambda self: self.orders)
    @rule(fails=st.booleans(), data=st.data())
    def work_badly(self, fails, data):
        self.work(fails=fails, data=data)

    @rule()
    def restart(self):
        self.station = self.started()
        for number, fact in enumerate(self.facts, 1):
            self.station.fold(entry(fact, number))
        self.orders = []
        self.do(self.station.resume())
        self.see()
        self.look_up()

    def work(self, *, fails, data):
        if not self.orders:
            return
        order = self.orders.pop(0)
        if isinstance(order, ClearCard) and self.is_plugged:
            self.removed(order, fails=fails, data=data)
        if fails:
            self.orders = [one for one in self.orders if one.visit != order.visit]
        for event in [VisitFailed(order.visit, STUCK)] if fails else self.carried_out(order):
            self.decide(FromDock(order.dock, event))

    def removed(self, order, *, fails, data):
        intent = [f for f in self.facts[: self.witnessed] if isinstance(f, RecorderClearing)]
        assert order.visit in {fact.visit for fact in intent}, "removed before it was witnessed"
        gone = [file.path for file in order.files]
        if fails:
            gone = data.draw(st.lists(st.sampled_from(gone)))
        self.card -= set(gone)

    def carried_out(self, order):
        listing = Listing(tuple(map(card_file, sorted(self.card))))
        match order:
            case Identify():
                return [Identified(order.visit, WHO)]
            case Survey():
                known = tuple(self.held.values())
                return [Surveyed(order.visit, readings(), listing, known)]
            case CopyFiles():
                copied = [imported(order.visit, p.file, planned=p) for p in order.plan.copies]
                return [*copied, CopyEnded(order.visit, "m", listing)]
            case ReadCardAgain():
                read = [
                    Reread(f, "ab", "ab" if f.path in self.held else None, is_archived=True)
                    for f in listing.files
                ]
                return [CardReadAgain(order.visit, True, WHO, listing, tuple(read))]
            case _:
                return [self.answered(order, listing)]

    def answered(self, order, listing):
        if isinstance(order, LookAgain):
            return LookedAgain(order.visit, WHO, readings())
        if isinstance(order, TakeReadings):
            return ReadAgain(order.visit, readings())
        return ClearEnded(order.visit, listing)

    def see(self):
        there = replace(device(), arrival=str(self.arrivals))
        self.decide(DevicesSeen((there,) if self.is_plugged else ()))

    def look_up(self):
        has = self.witnessed
        self.decide(UplinkChanged(True, has, has, witness=KEY, witnessed_at=later(self.seconds)))

    def decide(self, event):
        self.do(self.station.decide(event, later(self.seconds)))

    def do(self, effects):
        for effect in effects:
            if isinstance(effect, Enter):
                self.facts.append(effect.fact)
                self.station.fold(entry(effect.fact, len(self.facts), later(self.seconds)))
                if isinstance(effect.fact, FootageImported):
                    self.held[effect.fact.path] = proven(card_file(effect.fact.path), "ab")
            elif isinstance(effect, Release):
                self.orders = []  # what is under way is given up
            elif not isinstance(effect, Reply):
                self.orders.append(effect)

    @invariant()
    def every_file_is_on_the_card_or_in_the_archive(self):
        assert self.ever == self.card | self.held.keys()

    @invariant()
    def every_clearing_ends_at_most_once_and_never_before_it_began(self):
        begun = [fact.visit for fact in self.facts if isinstance(fact, RecorderClearing)]
        ended = [fact.visit for fact in self.facts if isinstance(fact, RecorderCleared)]
        assert len(begun) == len(set(begun))
        assert len(ended) == len(set(ended))
        assert set(ended) <= set(begun)

    def teardown(self):
        """From wherever the walk ended, a visit that nothing disturbs leaves an empty card."""
        if self.is_plugged:
            self.plug_or_pull()
        self.plug_or_pull()
        for _ in range(20):
            self.go_on(6, is_seen=True)
        assert self.card == set()
        ends = [fact for fact in self.facts if isinstance(fact, RecorderCleared)]
        assert len(ends) == sum(isinstance(fact, RecorderClearing) for fact in self.facts)


Clearing.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestClearing = Clearing.TestCase
