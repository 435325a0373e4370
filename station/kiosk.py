"""The board at `/`, and the receipt that follows whatever was entered at the dock."""

from contracts.facts import LedgerOpened
from station.board import Board, board_of
from station.page import Asked, Desk, Page
from station.questioning import answered_by
from station.wording import Speaker


def board(desk: Desk, asked: Asked) -> Page:
    """Show one tile for each dock."""
    return Page("board.html", {"board": board_at(desk, asked)})


def board_at(desk: Desk, asked: Asked) -> Board:
    """Return the board as of now."""
    return board_of(desk.snapshot, asked.now, desk.names)


def receipt(desk: Desk, asked: Asked) -> Page:
    """Show the entry that was just made, in one big sentence."""
    with desk.ledger() as ledger:
        entry = ledger.get(int(asked.part))
        questions = answered_by(ledger, (entry,) if entry else ())
    if entry is None or entry.type == LedgerOpened.TYPE:
        return not_found(desk, asked)
    speaker = Speaker(desk.names.person, desk.zone, questions)
    return Page("receipt.html", {"entry": entry, "speaker": speaker})


def not_found(_desk: Desk, _asked: Asked) -> Page:
    """Say that there is no such page."""
    return Page("missing.html", status=404)
