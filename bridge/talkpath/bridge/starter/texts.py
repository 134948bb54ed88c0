"""The files themselves. Pure: answers in, texts out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from talkpath.bridge.config.describe import toml
from talkpath.bridge.config.realtime import default_key_variable

from .answers import MODEL

if TYPE_CHECKING:
    from .answers import Answers

PASSWORD_FILE = "trunk-password"  # noqa: S105 - the name of a file
CONFIGURATION = "talkpath.toml"


def files(answers: Answers) -> dict[str, str]:
    """All files, by name. Those with a password in them must not be readable by everybody."""
    made = {CONFIGURATION: configuration(answers), PASSWORD_FILE: f"{answers.password}\n"}
    if answers.pbx == "asterisk":
        made["asterisk-pjsip.conf"] = asterisk_pjsip(answers)
        made["asterisk-extensions.conf"] = asterisk_extensions(answers)
    if answers.pbx == "freeswitch":
        made["freeswitch-directory.xml"] = freeswitch_directory(answers)
        made["freeswitch-dialplan.xml"] = freeswitch_dialplan(answers)
    return made


def configuration(answers: Answers) -> str:
    """Talkpath's own file, with a word on each line that somebody may want to change."""
    return f"""\
# Talkpath. Check changes with: talkpath check; take them over with: systemctl reload talkpath
# Every key is described in docs/configuration.md.

[sip]
# Where we listen. TLS: add "tls:0.0.0.0:5061" and a certificate in [sip.tls].
listen = ["udp:0.0.0.0:{answers.sip_port}"]
# UDP ports for the voice, two for each call. Open them in the firewall, for the PBX.
rtp_ports = "20000-29999"
# Behind a NAT, the address that others reach us at:
#advertised_address = "203.0.113.7"

[realtime]
url = {toml(answers.url)}
model = {toml(MODEL)}
{_key_lines(answers.url)}
# Write down what callers say; costs extra.
#transcription = {{ model = "gpt-4o-mini-transcribe" }}

[agents.reception]
voice = "marin"
# What the agent is, knows and shall do.
instructions = {toml(answers.agent)}
# First sentence; without it the agent waits for the caller to speak.
greeting = "Hello, how can I help?"
# Python functions that the agent may call: tools = ["module:function"]
# Humans that it may transfer to: [[targets]] below, and their names here.
#transfer = {{ targets = ["people"] }}

[[trunks]]
name = "pbx"
# We register at the PBX, and calls from its address are taken.
register = "sip:{answers.address}"
username = "{answers.user}"
password_file = "{PASSWORD_FILE}"

#[[targets]]
#name = "people"
#description = "Whenever the caller asks for a human."
#uri = "100"
"""


def _key_lines(url: str) -> str:
    variable = default_key_variable(url)
    if variable is None:
        return (
            '# This server may not want a key. If it does, from the environment:\n#api_key = "env:MODEL_KEY"'
        )
    return f'# The key comes from the environment, {variable}; or from a file:\n#api_key_file = "model-key"'


def asterisk_pjsip(answers: Answers) -> str:
    """What Asterisk has to know of us; goes to the end of its pjsip.conf."""
    return f"""\
; Append to /etc/asterisk/pjsip.conf, then: asterisk -rx 'module reload res_pjsip.so'
[talkpath]
type = endpoint
context = from-talkpath
disallow = all
allow = ulaw,alaw
auth = talkpath
aors = talkpath
direct_media = no
rtp_symmetric = yes
force_rport = yes
rewrite_contact = yes
moh_passthrough = yes

[talkpath]
type = auth
auth_type = userpass
username = {answers.user}
password = {answers.password}

[talkpath]
type = aor
max_contacts = 1
remove_existing = yes
; Asks every 30 s whether we take calls: while Talkpath drains before a restart it answers 503.
qualify_frequency = 30
"""


def asterisk_extensions(answers: Answers) -> str:
    """The way to the agent, and the way back; goes to the end of extensions.conf."""
    return f"""\
; Append to /etc/asterisk/extensions.conf, then: asterisk -rx 'dialplan reload'
; Your telephones reach the agent with this line in their context:  include => talkpath-agent
[talkpath-agent]
exten => {answers.extension},1,Dial(PJSIP/${{EXTEN}}@talkpath,30)
; Only reached when the agent did not take the call: ring somebody here.
 same => n,Verbose(1,the agent did not answer: ${{DIALSTATUS}} ${{HANGUPCAUSE}})
 same => n,Hangup()

; Whom the agent may ring, to transfer a call.
[from-talkpath]
exten => _1XX,1,Dial(PJSIP/${{EXTEN}},30)
"""


def freeswitch_directory(answers: Answers) -> str:
    """The user that we register as."""
    return f"""\
<!-- Save as conf/directory/default/{answers.extension}.xml, then: fs_cli -x reloadxml -->
<include>
  <user id={quoteattr(answers.user)}>
    <params>
      <param name="password" value={quoteattr(answers.password)}/>
    </params>
    <variables>
      <variable name="user_context" value="default"/>
      <variable name="effective_caller_id_name" value="Agent"/>
      <variable name="effective_caller_id_number" value={quoteattr(answers.extension)}/>
    </variables>
  </user>
</include>
"""


def freeswitch_dialplan(answers: Answers) -> str:
    """The way to the agent."""
    return f"""\
<!-- Save as conf/dialplan/default/00_talkpath.xml, then: fs_cli -x reloadxml -->
<include>
  <extension name="talkpath">
    <condition field="destination_number" expression="^({_literal(answers.extension)})$">
      <action application="set" data="hangup_after_bridge=true"/>
      <action application="set" data="continue_on_fail=true"/>
      <action application="set" data="call_timeout=30"/>
      <action application="bridge" data="user/$1@${{domain_name}}"/>
      <!-- Only reached when the agent did not take the call: ring somebody here. -->
    </condition>
  </extension>
</include>
"""


def _literal(extension: str) -> str:
    return extension.replace("*", "\\*")
