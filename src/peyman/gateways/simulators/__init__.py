"""A bank, an SMS provider and a mail server on loopback that can fail. For the sandbox and for tests only.

`python -m peyman.gateways.simulators` runs all three; tests use the classes as context managers. Nothing here is ever
reachable from another machine, and production refuses to start when it is pointed at one of them.
"""

from peyman.gateways.simulators.bank import BankSimulator
from peyman.gateways.simulators.mail import MailSimulator
from peyman.gateways.simulators.sms import SmsSimulator

__all__ = ["BankSimulator", "MailSimulator", "SmsSimulator"]
