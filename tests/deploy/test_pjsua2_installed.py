"""The pjsua2 that is installed is the production build, and holds what Talkpath relies on."""

import json
import subprocess
import sys
from importlib.metadata import distributions

import pytest

# In a process of its own: pjsua2 has one endpoint per process and aborts when it is left at exit.
_PROBE = """
import json
import pathlib
import sys

import pjsua2

endpoint = pjsua2.Endpoint()
endpoint.libCreate()
config = pjsua2.EpConfig()
limits = config.uaConfig.maxCalls
config.logConfig.level = config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 0
endpoint.libInit(config)
local = pjsua2.TransportConfig()
local.boundAddress = "127.0.0.1"
kinds = [pjsua2.PJSIP_TRANSPORT_UDP, pjsua2.PJSIP_TRANSPORT_TCP, pjsua2.PJSIP_TRANSPORT_TLS]
transports = [endpoint.transportGetInfo(endpoint.transportCreate(kind, local)).typeName for kind in kinds]
endpoint.libStart()
codecs = [codec.codecId for codec in endpoint.codecEnum2()]
endpoint.libDestroy()
answer = {"calls": limits, "transports": transports, "codecs": codecs}
pathlib.Path(sys.argv[1]).write_text(json.dumps(answer))  # standard output is also pjsua2's, in any order
"""


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    path = tmp_path_factory.mktemp("probe") / "answer.json"
    subprocess.run([sys.executable, "-c", _PROBE, path], stdout=subprocess.DEVNULL, check=True)
    answer: dict[str, object] = json.loads(path.read_text())
    return answer


def test_it_holds_a_thousand_calls(probed: dict[str, object]) -> None:
    assert probed["calls"] == 1024


def test_it_opens_udp_tcp_and_tls(probed: dict[str, object]) -> None:
    assert probed["transports"] == ["UDP", "TCP", "TLS"]


def test_it_negotiates_the_codecs_of_telephony(probed: dict[str, object]) -> None:
    codecs = probed["codecs"]
    assert isinstance(codecs, list)
    assert {"PCMU/8000/1", "PCMA/8000/1", "G722/16000/1"} <= set(codecs)


def test_there_is_only_one_pjsua2_in_the_environment() -> None:
    names = [each.metadata["Name"] for each in distributions()]
    assert [name for name in names if name.startswith("pjsua2")] == ["pjsua2"]
