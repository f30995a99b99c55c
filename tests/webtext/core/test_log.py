from __future__ import annotations

import logging

import pytest

from webtext.core.errors import UsageError
from webtext.core.log import LOG, configure_log


def test_levels_by_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOG, "")
    configure_log("webtext.made_up=debug,pipelines.made_up=warning")
    assert logging.getLogger("webtext.made_up.deeper").getEffectiveLevel() == logging.DEBUG
    assert logging.getLogger("pipelines.made_up").getEffectiveLevel() == logging.WARNING
    with pytest.raises(UsageError, match="'loud' is no level"):
        configure_log("webtext=loud")
