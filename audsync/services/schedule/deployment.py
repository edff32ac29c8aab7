"""What makes a scheduler call `run-due`: crontab, systemd units, Kubernetes CronJob, DAG. Pure.

No lock around it: leases in the store keep two runs apart. Every call ends by itself within the
hour, so that a hanging network never piles processes up.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Template

EVERY_MINUTES = 15
TIME_BUDGET = "50m"
STOP_S = 180
"""What a request in flight, and the wait of a rate limit, may take after a SIGTERM."""


class Target(StrEnum):
    """Who is to call it."""

    CRON = "cron"
    SYSTEMD = "systemd"
    KUBERNETES = "kubernetes"
    AIRFLOW = "airflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An installation of audsync, and the configuration that it is to use."""

    program: tuple[str, ...]
    """The words that start it: an absolute path, perhaps with options."""
    config: Path
    """Absolute."""
    user: str
    version: str
    has_file_store: bool
    """The store is a file, not a server."""

    @property
    def command(self) -> tuple[str, ...]:
        """The whole call, word by word."""
        options = ("--quiet", "--time-budget", TIME_BUDGET)
        return (*self.program, "--config", str(self.config), "run-due", *options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A text, and where it belongs."""

    path: str
    text: str


def texts(target: Target, place: Place) -> list[Written]:
    """Everything that the scheduler needs, ready to be used."""
    return _TEXTS[target](place)


def _cron(place: Place) -> list[Written]:
    # A bare % ends the command of a crontab line (crontab(5), read 2026-11-22).
    command = shlex.join(place.command).replace("%", r"\%")
    text = _CRON.substitute(minutes=EVERY_MINUTES, command=command)
    return [Written(path="crontab -e", text=text)]


def _systemd(place: Place) -> list[Written]:
    service = _SERVICE.substitute(
        user=place.user,
        folder=_unit_path(place.config.parent),
        command=" ".join(_unit_word(word) for word in place.command),
        stop_s=STOP_S,
    )
    timer = _TIMER.substitute(minutes=EVERY_MINUTES)
    return [
        Written(path="/etc/systemd/system/audsync.service", text=service),
        Written(path="/etc/systemd/system/audsync.timer", text=timer),
    ]


def _kubernetes(place: Place) -> list[Written]:
    store = _FILE_STORE if place.has_file_store else ""
    text = _CRON_JOB.substitute(
        minutes=EVERY_MINUTES,
        budget=TIME_BUDGET,
        version=place.version,
        config=place.config.name,
        source=shlex.quote(str(place.config)),
        store=store,
        stop_s=STOP_S,
    )
    return [Written(path="audsync.cronjob.yaml", text=text)]


def _airflow(place: Place) -> list[Written]:
    command = shlex.join(place.command)
    text = _DAG.substitute(minutes=EVERY_MINUTES, command=repr(command))
    return [Written(path="dags/audsync_run_due.py", text=text)]


def _unit_word(word: str) -> str:
    """A word of a command line as systemd reads it (systemd.service(5), read 2026-11-22)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%")
    return f'"{escaped}"' if set(word) & set(" \t'\"\\;") else escaped


def _unit_path(path: Path) -> str:
    """A path as a setting of its own: taken as it is, but for specifiers."""
    return str(path).replace("%", "%%")


_TEXTS: Mapping[Target, Callable[[Place], list[Written]]] = {
    Target.CRON: _cron,
    Target.SYSTEMD: _systemd,
    Target.KUBERNETES: _kubernetes,
    Target.AIRFLOW: _airflow,
}

_CRON = Template("""\
# audsync from cron: add these lines with `crontab -e`.
# Nothing is printed unless something fails, so cron's mail is the alert. Secrets are read from the
# .env beside the configuration. No flock is needed: leases in the store keep two runs apart.
MAILTO=ops@example.com
*/$minutes * * * * $command
""")

_SERVICE = Template("""\
# systemctl daemon-reload && systemctl enable --now audsync.timer
[Unit]
Description=Sync every audience whose time has come
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=$user
WorkingDirectory=$folder
ExecStart=$command
# 4: another process works on what is due.
SuccessExitStatus=4
# SIGTERM lets the request in flight end.
TimeoutStopSec=${stop_s}s
UMask=0077
NoNewPrivileges=true
PrivateTmp=true
""")

_TIMER = Template("""\
[Unit]
Description=Every $minutes minutes: sync every audience whose time has come

[Timer]
OnCalendar=*:0/$minutes
RandomizedDelaySec=30s
# After the machine was off: once, at once.
Persistent=true

[Install]
WantedBy=timers.target
""")

_FILE_STORE = """
                # One host at a time; for more, name a PostgreSQL server.
                - name: AUDSYNC_STORE_URL
                  value: sqlite:////var/lib/audsync/audsync.db"""

_CRON_JOB = Template("""\
# kubectl create configmap audsync --from-file=$config=$source
# kubectl create secret generic audsync --from-env-file=.env
# The volume audsync must outlive the pods: it holds what each platform confirmed.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: audsync
spec:
  schedule: "*/$minutes * * * *"
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 5
  jobTemplate:
    spec:
      # run-due itself tries again what failed, when its time has come.
      backoffLimit: 0
      activeDeadlineSeconds: 7200
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: $stop_s
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            fsGroup: 10001
          containers:
            - name: audsync
              image: audsync:$version  # your own: pip install audsync
              command: [audsync]
              args:
                - --config
                - /etc/audsync/$config
                - run-due
                - --quiet
                - --time-budget
                - $budget
              env:
                - name: AUDSYNC_STATE_URL
                  value: /var/lib/audsync/state$store
              envFrom:
                - secretRef:
                    name: audsync
              resources:
                requests:
                  cpu: 500m
                  memory: 1Gi
                limits:
                  memory: 2Gi
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: config
                  mountPath: /etc/audsync
                  readOnly: true
                - name: state
                  mountPath: /var/lib/audsync
                - name: tmp
                  mountPath: /tmp
          volumes:
            - name: config
              configMap:
                name: audsync
            - name: state
              persistentVolumeClaim:
                claimName: audsync
            - name: tmp
              emptyDir: {}
""")

_DAG = Template('''\
"""Syncs every audience whose time has come. audsync itself knows what is due and what to retry."""

from datetime import UTC, datetime, timedelta

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator

with DAG(
    dag_id="audsync_run_due",
    schedule=timedelta(minutes=$minutes),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["audsync"],
):
    BashOperator(
        task_id="run_due",
        bash_command=$command,
        append_env=True,
        do_xcom_push=False,
        # 4: another process works on what is due.
        skip_on_exit_code=4,
        # audsync plans its own retries; a second one at once would find nothing due.
        retries=0,
        execution_timeout=timedelta(hours=2),
    )
''')
