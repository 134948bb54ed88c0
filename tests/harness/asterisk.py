"""Asterisk as a test peer: one instance per test, with its own ports, configuration and logs.

It runs from the root that `make peers` made, through that root's own loader and libraries: an ordinary child
process, no chroot, no mounts. A test gives the parts it cares about as text:

    with Asterisk(tmp_path, pjsip=ENDPOINTS, extensions="[from-sip]\\nexten => 600,1,Echo()\\n") as asterisk:
        ...  # sip:600@127.0.0.1:{asterisk.port}
        assert asterisk.channels() == []
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.harness.peers import PATIENCE_S, PeerError, Running, end, free_port, read_text, wait_until
from tests.interop.peers.asterisk_root import asterisk_root

_MODULES = """
    res_timing_timerfd res_crypto res_srtp res_musiconhold res_rtp_asterisk
    res_sorcery_config res_sorcery_memory res_sorcery_astdb
    res_pjproject res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_registrar res_pjsip_pubsub
    res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest res_pjsip_outbound_registration
    res_pjsip_endpoint_identifier_user res_pjsip_endpoint_identifier_ip
    res_pjsip_endpoint_identifier_anonymous res_pjsip_acl res_pjsip_caller_id res_pjsip_diversion
    res_pjsip_dtmf_info res_pjsip_header_funcs res_pjsip_logger res_pjsip_nat res_pjsip_path
    res_pjsip_refer res_pjsip_rfc3326
    chan_pjsip bridge_simple bridge_native_rtp bridge_softmix bridge_holding
    bridge_builtin_features bridge_builtin_interval_features
    codec_ulaw codec_alaw codec_a_mu codec_g722 codec_resample format_wav format_pcm format_sln
    pbx_config app_attended_transfer app_blind_transfer app_bridgewait app_dial app_echo
    app_milliwatt app_mixmonitor app_originate app_playback app_playtones app_read app_record app_senddtmf
    app_stack app_transfer app_verbose app_waitforsilence app_while
    func_callerid func_channel func_hangupcause func_logic func_strings func_timeout func_volume
    func_pjsip_aor func_pjsip_contact func_pjsip_endpoint
"""

_ASTERISK_CONF = """\
[directories]
astcachedir => {run}
astetcdir => {etc}
astmoddir => {modules}
astvarlibdir => {run}
astdbdir => {run}
astkeydir => {run}
astdatadir => {data}
astspooldir => {spool}
astrundir => {run}
astlogdir => {log}
[options]
verbose = 3
"""
_TELEPHONE = """
[{name}]
type = endpoint
context = {context}
disallow = all
allow = {codecs}
auth = {name}
aors = {name}
direct_media = no
{more}
[{name}]
type = auth
auth_type = userpass
username = {name}
password = secret
[{name}]
type = aor
max_contacts = 1
"""
_NEIGHBOUR = """
[{name}]
type = endpoint
context = {context}
disallow = all
allow = {codecs}
aors = {name}
direct_media = no
{more}
[{name}]
type = aor
contact = {contact}
"""
_REGISTERED = """
[[trunks]]
name = "pbx"
register = "sip:127.0.0.1:{port}"
username = "talkpath"
password = "secret"
"""
_LOGGER_CONF = "[general]\n[logfiles]\nfull.log => notice,warning,error,verbose(3)\n"
_PJSIP_CONF = """\
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
[tcp]
type = transport
protocol = tcp
bind = 127.0.0.1:{port}
"""


def telephone(name: str | int, codecs: str = "ulaw", context: str = "internal", more: str = "") -> str:
    """The part of pjsip.conf for who registers as ``name`` with the password ``secret``.

    Args:
        name: Of a telephone, or of Talkpath.
        codecs: Those of Asterisk's names, in order.
        context: Of the dialplan, for its calls.
        more: Further lines of the endpoint.
    """
    return _TELEPHONE.format(name=name, codecs=codecs, context=context, more=more)


def neighbour(name: str, contact: str, *, context: str, codecs: str = "ulaw", more: str = "") -> str:
    """The part of pjsip.conf for who is at an address and does not register.

    Args:
        name: Of its endpoint.
        contact: Its SIP URI.
        context: Of the dialplan, for its calls.
        codecs: Those of Asterisk's names, in order.
        more: Further lines of the endpoint; further sections may follow them.
    """
    return _NEIGHBOUR.format(name=name, contact=contact, context=context, codecs=codecs, more=more)


class Asterisk(Running):
    """One Asterisk on 127.0.0.1.

    Args:
        folder: An own folder for its files, usually `tmp_path`.
        pjsip: Sections for pjsip.conf: endpoints, aors, auths. The transports `udp` and `tcp` are there.
        extensions: The dialplan, extensions.conf.
        files: More configuration files: name in its etc folder → text.
        modules: Modules to load besides the usual ones, without `.so`.
        without: Modules of the usual ones that are left out.

    Attributes:
        port: Its SIP port, for UDP and TCP.
        rtp_ports: First and last port of its RTP range.
        spool: Folder of its recordings.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pjsip: str,
        extensions: str,
        files: Mapping[str, str] | None = None,
        modules: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        first = free_port(room=100)
        self.rtp_ports = (first, first + 99)
        self._folder = folder / f"asterisk-{self.port}"
        self.spool = self._folder / "spool"
        self._texts = {
            "pjsip.conf": _PJSIP_CONF.format(port=self.port) + pjsip,
            "extensions.conf": extensions,
            "modules.conf": _modules_conf(
                [name for name in (*_MODULES.split(), *modules) if name not in without]
            ),
            "logger.conf": _LOGGER_CONF,
            "rtp.conf": f"[general]\nrtpstart = {first}\nrtpend = {first + 99}\n",
            "cli.conf": "[startup_commands]\npjsip set logger on = yes\n",
            **(files or {}),
        }
        self._run: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration, start it and return when it is fully booted.

        Raises:
            PeerError: The root is not made, or it did not boot.
        """
        root = asterisk_root()
        if not root.exists():
            raise PeerError("the Asterisk root is not made; make it with: make peers")
        # The control socket lives here: its path must fit the 108 bytes of a Unix address.
        self._run = Path(tempfile.mkdtemp(prefix="ast-"))
        self._write_configuration(root)
        with (self._folder / "console.log").open("wb") as console:
            self._process = subprocess.Popen(
                [*self._command(root), "-f", "-n"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(
                self._has_booted,
                "Asterisk to boot",
                process=self._process,
                log=lambda: read_text(self._folder / "console.log") + self.log,
            )
        except PeerError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, calls and all; its folder with the logs stays."""
        if self._process is not None:
            end(self._process)
            self._process = None
        if self._run is not None:
            shutil.rmtree(self._run, ignore_errors=True)
            self._run = None

    def cli(self, command: str) -> str:
        """Run a command of its console and return the answer.

        Raises:
            PeerError: It is not running or did not take the command.
        """
        done = self._ask(command)
        if done.returncode != 0:
            raise PeerError(f"asterisk -rx {command!r}: {done.stdout}{done.stderr}")
        return done.stdout

    def channels(self) -> list[str]:
        """Return one line per channel that is up, empty when no call is left."""
        return [line for line in self.cli("core show channels concise").splitlines() if "!" in line]

    def wait_for_log(self, text: str, *, timeout_s: float = PATIENCE_S) -> None:
        """Return when the text stands in the log.

        Raises:
            PeerError: It does not within the time.
        """
        wait_until(lambda: text in self.log, repr(text), timeout_s=timeout_s, log=lambda: self.log)

    @property
    def trunk(self) -> str:
        """The trunk of a talkpath.toml that registers as the `telephone` of the name "talkpath"."""
        return _REGISTERED.format(port=self.port)

    @property
    def log(self) -> str:
        """Its whole log so far, SIP messages included."""
        return read_text(self._folder / "log/full.log")

    def _has_booted(self) -> bool:
        done = self._ask("core waitfullybooted")
        return done.returncode == 0 and "fully booted" in done.stdout

    def _ask(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command(asterisk_root()), "-rx", command],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "TERM": "dumb", "HOME": str(self._folder)},
            check=False,
        )

    def _command(self, root: Path) -> list[str | Path]:
        """Return the start of a command line: the root's loader, its libraries, the program, our folder."""
        libraries = _libraries(root)
        loader = next(libraries.glob("ld-linux*"))
        program = root / "usr/sbin/asterisk"
        return [loader, "--library-path", libraries, program, "-C", self._folder / "etc/asterisk.conf"]

    def _write_configuration(self, root: Path) -> None:
        etc, log = self._folder / "etc", self._folder / "log"
        for folder in (etc, log, self.spool):
            folder.mkdir(parents=True, exist_ok=True)
        own = _ASTERISK_CONF.format(
            etc=etc,
            log=log,
            spool=self.spool,
            run=self._run,
            data=root / "usr/share/asterisk",
            modules=_libraries(root) / "asterisk/modules",
        )
        for name, text in {"asterisk.conf": own, **self._texts}.items():
            (etc / name).write_text(text)


def _libraries(root: Path) -> Path:
    """Return the folder of the root's libraries, whatever the architecture."""
    return next(root.glob("usr/lib/*-linux-gnu*/asterisk")).parent


def _modules_conf(names: Sequence[str]) -> str:
    return "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in names)
