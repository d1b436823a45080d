"""Run the bank, the SMS provider, the mail server and the registry of the sandbox in one process.

Prints one JSON line with their addresses once all of them answer, and runs until SIGTERM or SIGINT. Exit codes: 0
stopped, 2 could not start.
"""

import argparse
import json
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from peyman.gateways.simulators import BankSimulator, MailSimulator, RegistrySimulator, SmsSimulator
from peyman.gateways.simulators.service import LOOPBACK, Clock


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop. `arguments` stand in for the command line."""
    parser = argparse.ArgumentParser(prog="python -m peyman.gateways.simulators", description=__doc__)
    for name in ("bank", "sms", "smtp", "control", "registry"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 (the default) is any free port")
    parser.add_argument("--host", default=LOOPBACK, help="nothing but 127.0.0.1 is accepted")
    parser.add_argument("--state", type=Path, help="folder of the ledgers; without it they live in memory")
    asked = parser.parse_args(arguments)
    if asked.host != LOOPBACK:
        sys.stderr.write("The simulators listen on 127.0.0.1 and nowhere else.\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock = Clock()
    try:
        with ExitStack() as running:
            bank = running.enter_context(BankSimulator(asked.bank_port, asked.state, clock))
            sms = running.enter_context(SmsSimulator(asked.sms_port, asked.state, clock))
            mail = running.enter_context(MailSimulator(asked.smtp_port, asked.state, clock, asked.control_port))
            registry = running.enter_context(RegistrySimulator(asked.registry_port, asked.state, clock))
            urls = {
                "bank_url": bank.url,
                "sms_url": sms.url,
                "smtp_url": mail.smtp_url,
                "control_url": mail.url,
                "registry_url": registry.url,
            }
            sys.stdout.write(json.dumps(urls) + "\n")
            sys.stdout.flush()
            stop.wait()
    except OSError as error:
        sys.stderr.write(f"The simulators could not start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
