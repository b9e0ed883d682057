"""The file of recipients: what it may say, every mistake at its place, and who is on duty when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import read_document
from engine.errors import InputError
from engine.instants import PARIS
from engine.model import Priority
from engine.notify.messages import Channel
from engine.notify.recipients import Recipients, Step, load_recipients

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("street-lighting", "drinking-water")
GOOD = """\
flood: 5
recipients:
  lighting-desk:
    lang: fr
    least: medium
    email: desk@example.org
  duty:
    lang: en
    webhook: {url: "https://hooks.example.org/duty", secret_file: duty.key}
services:
  street-lighting:
    - to: lighting-desk
      hours: 08:00-18:00
      weekdays: [mon, tue, wed, thu, fri]
      public_holidays: never
    - to: [duty, lighting-desk]
otherwise:
  - to: duty
"""


def load(folder: Path, text: str) -> Recipients:
    (folder / "duty.key").write_text("0123456789abcdef0123\n")
    (folder / "notify.yaml").write_text(text)
    return load_recipients(folder / "notify.yaml", SERVICES)


def test_a_file_as_it_is_meant(tmp_path: Path) -> None:
    book = load(tmp_path, GOOD)
    assert book.recipients["lighting-desk"].channels == (Channel.EMAIL,)
    assert book.recipients["duty"].channels == (Channel.WEBHOOK,)
    assert [book.recipients["lighting-desk"].hears(one) for one in Priority] == [True, True, True, False]
    assert [step.to for step in book.chain("street-lighting")] == [("lighting-desk",), ("duty", "lighting-desk")]
    assert book.chain("drinking-water") == book.otherwise == book.chain("")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("to: lighting-desk", "to: lighting-dusk", "notify.yaml:12:11 lighting-dusk is no recipient → did you mean l"),
        ("[duty, l", "[duty, duty, l", "16:18 duty stands twice"),
        ("  street-lighting:", "  street-lightning:", "12:5 street-lightning is no service → did you mean street-l"),
        ("desk@example.org", "desk.example.org", "6:12 recipients.lighting-desk.email: wants one address"),
        ("desk@example.org", '"a@b.org\\nBcc: c@d.org"', "wants one address"),
        ("    email: desk@example.org\n", "", "4:5 recipients.lighting-desk: wants email, webhook or both"),
        ("least: medium", "least: middling", "5:12"),
        ("08:00-18:00", "8 to 6", "services.street-lighting.0.hours"),
        ("[mon, tue,", "[mon, mardi,", "services.street-lighting.0.weekdays.1"),
        ("never", "sometimes", "public_holidays"),
        ("https://hooks", "http://hooks", "url wants https"),
        ("https://hooks", "https://me:secret@hooks", "no name or password"),
        ("duty.key", "nowhere.key", "9:67 there is no file"),
        ("to: duty\n", "to: []\n", "otherwise.0.to"),
        ("flood: 5", "flood: 0", "1:8 flood"),
        ("lang: en", "lang: de", "lang"),
        ("flood", "floods", "unknown key 'floods'"),
    ],
)
def test_a_mistake_is_named_at_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once_and_short_secrets_are_one(tmp_path: Path) -> None:
    text = GOOD.replace("to: lighting-desk", "to: x").replace("  - to: duty\n", "  - to: z\n")
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert len(caught.value.problems) == 2
    (tmp_path / "notify.yaml").write_text(GOOD)
    (tmp_path / "duty.key").write_text("hush\n")
    with pytest.raises(InputError, match="shorter than 16 characters → openssl rand"):
        load_recipients(tmp_path / "notify.yaml", SERVICES)


def test_the_example_of_the_manual_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "recipients.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    owners = read_document(ROOT / "rules" / "owners.yaml").data["owners"]
    (tmp_path / "duty.key").write_text("0123456789abcdef0123\n")
    (tmp_path / "notify.yaml").write_text(text)
    book = load_recipients(tmp_path / "notify.yaml", owners)
    assert [step.to for step in book.chain("street-lighting")] == [("lighting-desk",), ("duty-officer",)]


def paris(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold).astimezone(UTC)


DAYS = Step(to=("d",), hours=("08:00-18:00",), weekdays=("mon", "tue", "wed", "thu", "fri"), public_holidays="never")
NIGHT = Step(to=("n",), hours=("18:00-08:00",))
SMALL_HOURS = Step(to=("s",), hours=("02:00-03:00",))
HOLIDAYS = Step(to=("h",), public_holidays="only")


@pytest.mark.parametrize(
    ("step", "at", "on"),
    [
        (DAYS, paris("2026-11-23T08:00"), True),
        (DAYS, paris("2026-11-23T07:59:59"), False),
        (DAYS, paris("2026-11-23T18:00"), False),
        (DAYS, paris("2026-11-22T12:00"), False),  # a Sunday
        (DAYS, paris("2026-11-11T12:00"), False),  # Armistice, a Wednesday
        (HOLIDAYS, paris("2026-11-11T12:00"), True),
        (HOLIDAYS, paris("2026-11-12T00:00"), False),
        (NIGHT, paris("2026-11-23T18:00"), True),
        (NIGHT, paris("2026-11-23T03:00"), True),
        (NIGHT, paris("2026-11-23T08:00"), False),
        (SMALL_HOURS, paris("2026-10-25T02:30", fold=0), True),  # the hour that comes twice
        (SMALL_HOURS, paris("2026-10-25T02:30", fold=1), True),
        (SMALL_HOURS, datetime(2026, 3, 29, 1, 30, tzinfo=UTC), False),  # 03:30: the hour that does not come
        (SMALL_HOURS, datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), False),
    ],
)
def test_who_is_on_duty(step: Step, at: datetime, on: bool) -> None:
    assert step.on_duty(at) is on


@pytest.mark.parametrize(
    ("step", "at", "off"),
    [
        (DAYS, paris("2026-11-23T17:30:30"), paris("2026-11-23T18:00")),
        (DAYS, paris("2026-11-23T09:00"), paris("2026-11-23T13:00")),
        (SMALL_HOURS, paris("2026-10-25T02:30", fold=0), paris("2026-10-25T03:00")),  # an hour and a half later
        (Step(to=("x",)), paris("2026-10-25T02:30"), paris("2026-10-25T02:30") + timedelta(hours=4)),
        (DAYS, paris("2026-11-22T12:00"), paris("2026-11-22T12:00")),
    ],
)
def test_when_a_duty_ends(step: Step, at: datetime, off: datetime) -> None:
    assert step.off_duty(at, at + timedelta(hours=4)) == off


@given(
    st.sampled_from([DAYS, NIGHT, SMALL_HOURS, HOLIDAYS]),
    st.sampled_from([paris("2026-10-24T20:00"), paris("2026-03-28T20:00"), paris("2026-11-10T20:00")]),
    st.integers(0, 3 * 24 * 60),
)
def test_a_duty_lasts_to_its_end(step: Step, start: datetime, minutes: int) -> None:
    at = start + timedelta(minutes=minutes)
    end = step.off_duty(at, at + timedelta(hours=4))
    whole = [at + timedelta(minutes=n) for n in range(240) if at + timedelta(minutes=n) < end]
    assert all(map(step.on_duty, whole))
    assert end == at + timedelta(hours=4) or not step.on_duty(end)
