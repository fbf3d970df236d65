"""A real Slurm on this machine alone: munged, slurmctld and slurmd, in a folder and on ports of their own.

Nothing of it touches a Slurm that the machine may have: each daemon gets its own configuration,
key, socket, spool and ports, and all are stopped in the end.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
_SBIN = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))

_CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={d_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
MinJobAge=3600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def lacking() -> list[str]:
    """Name what this machine lacks to start one: root, or a daemon's package."""
    found = [name for name in DAEMONS if shutil.which(name, path=_SBIN) is None]
    return found + (["root"] if os.geteuid() else [])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class OneNode:
    """Slurm with one node and the partition ``main``, up while a ``with`` block runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        path = os.pathsep.join((str(folder / "bin"), _SBIN))
        self.env = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}

    def __enter__(self) -> "OneNode":
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        conf = _CONF.format(
            host=socket.gethostname().split(".")[0],
            folder=self.folder,
            ctld_port=_free_port(),
            d_port=_free_port(),
            cpus=os.cpu_count(),
            memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20 * 9 // 10,
        )
        (self.folder / "slurm.conf").write_text(conf)
        # Snakemake clears all SLURM_ variables within a job, so that srun must be told once more.
        wrapper = self.folder / "bin" / "srun"
        wrapper.write_text(
            f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'
        )
        wrapper.chmod(0o755)
        munge = [f"--{part}={self.folder}/munge.{part}" for part in ("socket", "seed-file")]
        munge += [f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log"]
        try:
            self._start("munged", "--foreground", "--force", f"--key-file={key}", *munge)
            self._wait(lambda: (self.folder / "munge.socket").exists(), "munged")
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D")
            self._wait(lambda: "idle" in self.ask("sinfo", "--noheader", "-o", "%T"), "a node")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in reversed(self._daemons):
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def ask(self, *command: str) -> str:
        """Return what one of Slurm's commands prints; empty where it fails."""
        outcome = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False, timeout=60
        )
        return outcome.stdout if outcome.returncode == 0 else ""

    def jobs(self) -> list[dict[str, str]]:
        """Return the jobs that the scheduler knows, ended ones too: id, state, comment."""
        lines = self.ask("squeue", "--all", "--states=all", "--noheader", "-o", "%i|%T|%k|%B")
        keys = ("id", "state", "comment", "node")
        return [dict(zip(keys, line.split("|"), strict=True)) for line in lines.splitlines()]

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("wb") as out:
            self._daemons.append(
                subprocess.Popen([name, *words], env=self.env, stdout=out, stderr=out)
            )

    def _wait(self, ready: object, what: str) -> None:
        for _ in range(300):
            if ready():
                return
            time.sleep(0.1)
        logs = "\n".join(
            f"{path.name}: {path.read_text()[-500:]}" for path in self.folder.glob("*.[lo][ou][gt]")
        )
        raise RuntimeError(f"Slurm's {what} did not come up:\n{logs}")
