"""Mosquitto over TLS that lets in only whom our authority vouches for, and then only with a password."""

import hashlib
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.broker import Broker
from engine.equipment.connections import Site, Tls
from engine.equipment.mqtt import MqttConnection
from engine.errors import ConsigneError, Unavailable
from engine.settings import Settings
from engine.wire import COMMAND, topic
from jobs.bootstrap import open_broker
from tests.equipment.peers.peer import MqttWish, StoryClock
from tests.pki import Pki
