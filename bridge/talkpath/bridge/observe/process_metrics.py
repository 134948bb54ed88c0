"""The part of the catalogue about the daemon itself: what room it has, its processes, its configuration."""

from __future__ import annotations

from .catalogue import Catalogue


class ProcessMetrics(Catalogue):
    """Metrics of the daemon, by attribute; `.metrics.Metrics` has them among its own."""

    def _define_room(self) -> None:
        self.lanes = self._gauge(
            "lanes",
            "Lanes of the media workers, one per call.",
            ["state"],
            "livesum",
            "Few free: more workers, or another node.",
        )
        self.rtp_ports = self._gauge(
            "rtp_ports",
            "Pairs of RTP ports.",
            ["state"],
            "livesum",
            "Few free while lanes are free: widen sip.rtp_ports. A pair rests for seconds after its call.",
        )

    def _define_processes(self) -> None:
        self.process_up = self._gauge(
            "process_up",
            "1 while a process of the daemon is alive and ready.",
            ["process"],
            "livemostrecent",
            "0 for long: it cannot start; the log says why.",
        )
        self.worker_overloaded = self._gauge(
            "worker_overloaded",
            "1 while a worker does not keep up with its calls and gets no new ones.",
            ["process"],
            "livemostrecent",
            "1: see beat_lateness_seconds; lower workers.lanes, add workers or processors.",
        )
        self.process_cpu = self._counter(
            "process_cpu_seconds",
            "Processor time of each process of the daemon.",
            ["process"],
            "A worker near 1 s per second is full: more workers, or fewer lanes.",
        )
        self.process_memory = self._gauge(
            "process_resident_memory_bytes",
            "Memory of each process of the daemon.",
            ["process"],
            "livemostrecent",
            "Growing while the calls do not: a leak, please report it.",
        )
        self.process_files = self._gauge(
            "process_open_files",
            "Open file descriptors of each process; a call has three or four.",
            ["process"],
            "livemostrecent",
            "Near the limit (ulimit -n, LimitNOFILE): raise it.",
        )
        self.process_max_files = self._gauge(
            "process_max_files",
            "File descriptors that each process of the daemon may open.",
            ["process"],
            "livemostrecent",
            "LimitNOFILE of the service, or ulimit -n; talkpath doctor says how many are needed.",
        )
        self.process_restarts = self._counter(
            "process_restarts",
            "Processes that died and were started again.",
            ["process"],
            "Any: a bug; the process_died log line says how it ended.",
        )
        self.internal_errors = self._counter(
            "internal_errors",
            "Exceptions caught at the root of a task.",
            ["where"],
            "Any: a bug; the log has the traceback.",
        )
        self.messages_dropped = self._counter(
            "messages_dropped",
            "Messages between processes of the daemon that were lost, but for those that SIP could not read.",
            ["cause"],
            "Any: a bug, or files of two versions; message_too_large in the log tells the size.",
        )

    def _define_daemon(self) -> None:
        self.draining = self._gauge(
            "draining",
            "1 while new calls are refused.",
            [],
            "livemostrecent",
            "1 after SIGTERM; live calls get drain_timeout.",
        )
        self.reload_successful = self._gauge(
            "config_last_reload_successful",
            "1 when the configuration in force is what was last read, 0 after a reload that failed.",
            [],
            "livemostrecent",
            "0: the log line reload_refused names file, key and remedy; the configuration before stays.",
        )
        self.reload_time = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read, in Unix time.",
            [],
            "livemostrecent",
        )
        self.certificate_end = self._gauge(
            "certificate_expiry_timestamp_seconds",
            "When our certificate for SIP over TLS ends, in Unix time; +Inf: there is none.",
            [],
            "livemostrecent",
            "In the past, or soon: renew it at the same path; the certificate_ends log lines name it.",
        )
        self.build_info = self._gauge(
            "build_info", "Always 1; the labels tell the version.", ["version", "python"], "max"
        )
        self.sip_stack_info = self._gauge(
            "sip_stack_info",
            "Always 1; the label tells the SIP stack, how many calls it carries, and its TLS.",
            ["stack"],
            "livemostrecent",
        )
