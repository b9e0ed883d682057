"""Nothing that shows, recognises, follows or counts people has a name here: not in the catalogue, not in a rule.

What has no name cannot be stored, compared or asked for. Prose is read by people and measures nothing; it is looked at
only in the texts of the cameras' rules.
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.documents import parse_document, read_document
from engine.rulebook import load_rules
from engine.rulebook.language import properties_of

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "datasets" / "reference" / "catalogue.yaml"
RULES = sorted((ROOT / "rules").glob("*/*.yaml"))
PROSE = {"fr", "en", "source", "name"}  # `name` is a scenario's sentence

# Anywhere in a name, English and French, accents taken off.
STEMS = (
    # what a camera sees
    "image", "imagerie", "photo", "picture", "video", "stream", "rtsp", "snapshot", "vignette", "thumbnail", "mjpeg",
    "jpeg", "bitmap", "footage", "livefeed",
    # who somebody is
    "face", "facial", "visage", "portrait", "silhouette", "biometr", "fingerprint", "empreintedigitale", "retina",
    "gender", "ethni", "emotion", "identity", "identite", "surname", "prenom", "birth", "naissance",
    # what somebody drives or carries
    "plate", "plaque", "immatricul", "numberplate", "vehicleid", "macaddress", "adressemac", "msisdn", "bluetooth",
    "phone", "badge",
    # how many they are, and where they go
    "person", "people", "human", "humain", "individu", "passant", "passerby", "visitor", "visiteur", "crowd", "foule",
    "headcount", "footfall", "affluence", "frequentation", "attendance", "occupant", "citizen", "citoyen",
    "trajector", "trajectoire", "tracking", "filature", "voice", "voix", "speech", "audio", "conversation",
)  # fmt: skip
# As a whole word: inside another it would be nothing (timeInterval holds imei).
WORDS = {"imei", "imsi", "iris", "gait", "jpg", "mp4", "anpr", "lapi", "alpr", "reid"}
# People are named by where they walk, never by how many.
COUNTED = re.compile(
    r"(count|number|total|nombre|comptage|compte|flow|debit|density|densite|nb)[a-z]{0,12}(pedestrian|pieton|walker|marcheur)"
    r"|(pedestrian|pieton|walker|marcheur)[a-z]{0,6}(count|number|total|nombre|comptage|compte|flow|debit|density|densite)"
)
# Words that hold a stem and mean something else.
HARMLESS = re.compile(
    r"surface|interface|template|plateau|upstream|downstream|photovolta|photocell|photometr|photoelectr"
)


def folded(text: str) -> str:
    """Lower case, accents taken off: `Visagé` as `visage`."""
    return "".join(mark for mark in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(mark))


def words(name: str) -> list[str]:
    """A name's parts: `licensePlate_v2` as license, plate, v2."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", name))
    return [folded(part) for part in re.split(r"[\W_]+", parted) if part]


def offence(name: str) -> str:
    """The stem a name may not hold; empty for none."""
    joined = HARMLESS.sub(" ", "".join(words(name)))
    found = [stem for stem in STEMS if stem in joined]
    found += [word for word in words(name) if word in WORDS]
    found += [match.group() for match in COUNTED.finditer(joined)]
    return ", ".join(found)


def names(data: Any, *, prose: bool = False) -> Iterator[str]:
    """Every name in a document: keys, and the words of its values, in expressions too."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            if prose or key not in PROSE:
                yield from names(value, prose=prose)
    elif isinstance(data, list):
        for value in data:
            yield from names(value, prose=prose)
    elif isinstance(data, str):
        yield from re.findall(r"[^\W\d][\w-]*", data)


def offences(data: Any, *, prose: bool = False) -> list[str]:
    found = ((name, offence(name)) for name in names(data, prose=prose))
    return [f"{name}: {why}" for name, why in found if why]


def test_the_catalogue_has_no_name_for_people_or_what_shows_them() -> None:
    assert offences(read_document(CATALOGUE).data) == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_rule_names_people_or_what_shows_them(path: Path) -> None:
    assert offences(read_document(path).data) == []


@pytest.mark.parametrize("path", [path for path in RULES if path.parent.name == "cameras"], ids=lambda path: path.name)
def test_texts_of_cameras_do_not_either(path: Path) -> None:
    assert offences(read_document(path).data, prose=True) == []


def test_a_camera_tells_of_itself_only(catalogue: Catalogue) -> None:
    book = load_rules(ROOT / "rules", catalogue)
    cameras = [rule for rule in book.rules if rule.definition.for_each.type == "Camera"]
    assert cameras
    assert {name for rule in cameras for tree in rule.trees for name in properties_of(tree)} <= {"on", "temperature"}
    assert not [rule.id for rule in cameras if rule.definition.then.want]
    assert catalogue.types["Camera"].points == {}


FORBIDDEN = (
    "image", "imageSnapshot", "lastImage", "image_url", "photo", "video", "videoStream", "streamURL", "fluxVideo",
    "rtspUrl", "face", "faces", "faceCount", "FaceID", "facialRecognition", "visage", "visages", "nbVisages",
    "portrait", "plate", "licensePlate", "license_plate", "plateNumber", "PLATE", "numplate", "plaque",
    "plaqueImmatriculation", "immatriculation", "anprCount", "lecture-LAPI", "person", "personCount",
    "nombreDePersonnes", "personnes", "peopleCount", "people_count", "numberOfPeople", "crowdDensity",
    "CrowdFlowObserved", "foule", "headCount", "visiteurs", "passants", "fréquentation", "identité", "prénom",
    "pedestrianCount", "nbPietons", "comptagePiétons", "countOfPedestrians", "pedestrianFlow", "débitPiétons",
    "macAddress", "bluetoothScan", "deviceIMEI", "phoneNumber", "genderRatio", "voiceLevel", "trajectories",
    "occupantCount", "licenseplate", "facedetected", "surfaceFace",
)  # fmt: skip
ALLOWED = (
    "temperature", "surfaceTemperature", "interface", "template", "upstreamLevel", "downstreamPressure", "photocell",
    "photovoltaicPower", "PedestrianCrossing", "passage-pieton", "TrafficFlowObserved", "averageVehicleSpeed",
    "timeInterval", "occupancy", "occupied", "fillingLevel", "PresenceDetector", "camera-silent", "GreenspaceRecord",
    "count", "platform", "fluxLumineux", "pressure", "crossing-lamp-out", "plateau",
)  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_guard_sees_what_is_forbidden_wherever_it_is_written(name: str) -> None:
    entry = "about: {fr: mots, en: words}\n    source: ours"
    reading = "{kind: choice, choices: [NAME], stale_after: 1h, aliases: [ALIAS]}"
    catalogues = (
        f"types:\n  {name}:\n    {entry}\n",
        f"types:\n  Camera:\n    {entry}\n    properties:\n      {name}: {reading}\n",
        f"types:\n  Camera:\n    {entry}\n    properties:\n      x: {reading.replace('NAME', name)}\n",
        f"types:\n  Camera:\n    {entry}\n    properties:\n      x: {reading.replace('ALIAS', name)}\n",
        f"types:\n  Camera:\n    {entry}\n    points:\n      {name}: {{minimum: 0}}\n",
    )
    rules = (
        f"rules:\n  - id: see-{name}\n",
        f"rules:\n  - when: temperature > 3 and ({name} >= 2)\n",
        f"rules:\n  - when: count({name}, 1h) > 3\n",
        f"rules:\n  - for_each: {{type: Camera, where: {{{name}: true}}}}\n",
        f"rules:\n  - for_each: {{type: Camera, tag: [a, {name}]}}\n",
        f"rules:\n  - then: {{fact: {name}}}\n",
        f"derive:\n  {name}: {{type: Camera, is: temperature}}\nrules: []\n",
        f"rules:\n  - table: {{hits: all, rows: [{{when: 'attribute({name}) == yes'}}]}}\n",
    )
    for text in (*catalogues, *rules):
        assert offences(parse_document(text, "test").data), text


@pytest.mark.parametrize("name", ALLOWED)
def test_the_guard_leaves_the_rest_alone(name: str) -> None:
    assert offence(name) == ""
