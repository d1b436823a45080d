"""A bank, an SMS provider, a mail server and the registry on loopback that can fail, for sandbox and tests only.

`python -m peyman.gateways.simulators` runs all of them; tests use the classes as context managers. Nothing here is ever
reachable from another machine, and production refuses to start when it is pointed at one of them.
"""

from peyman.gateways.simulators.bank import BankSimulator
from peyman.gateways.simulators.mail import MailSimulator
from peyman.gateways.simulators.registry import RegistrySimulator
from peyman.gateways.simulators.sms import SmsSimulator

__all__ = ["BankSimulator", "MailSimulator", "RegistrySimulator", "SmsSimulator"]
