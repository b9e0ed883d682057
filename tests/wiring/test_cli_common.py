"""Who asks: the account the system knows, whatever the environment says."""

import os
import pwd

import pytest

from jobs.cli.common import who


def test_who_asks_is_the_account_and_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "the-mayor")
    assert who() == pwd.getpwuid(os.getuid()).pw_name != "the-mayor"


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert who() == f"uid {2**31 - 7}"
