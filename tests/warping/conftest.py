"""The drawn person as fixtures."""

import pytest
from drawn_person import Drawn, draw_person


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    return draw_person()


@pytest.fixture(scope="session")
def drawing():
    """The function that draws: (width, height, hands) -> Drawn."""
    return draw_person
