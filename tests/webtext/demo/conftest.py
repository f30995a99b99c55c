"""The world of the demo, made once for all tests that look at it."""

from __future__ import annotations

import pytest

from webtext.demo import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()
