"""The files by which a bank takes many Paya transfers at once: the central bank's XML, and the same as a table.

The XML is `CstmrCdtTrfInitn` of ISO 20022 (pain.001.001.03) as Iranian banks read it, in a file named `….ccti`: the
message's number is our Sheba and nine digits; days are Jalali with Latin digits; the debtor's bank is the central bank,
through which Paya goes; what does not exist is EMPTY. Each line carries its reference as deposit number (`InstrId`,
«شناسه واریز») and in its text, by which the bank's statement names it.

The same batch makes the same bytes: nothing here asks the time, or for a random number.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree import ElementTree

from peyman.kernel.jalali import jalali
from peyman.kernel.text import has_controls, normalise

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"
CLEARING: Final = "BMJIIRTHXXX"
EMPTY: Final = "EMPTY"
LONGEST_NAME: Final = 70
LONGEST_TEXT: Final = 140
_HEADER: Final = ("شماره شبا", "شناسه واریز", "نام و نام خانوادگی", "مبلغ", "شرح")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Transfer:
    """One line: to which Sheba, whose it is, how many rials, our number of it, and what the receiver reads."""

    sheba: str
    holder: str
    amount: int
    reference: str
    text: str


@dataclass(frozen=True)
class Order:
    """A batch as a bank takes it; `day`: when it is to be carried out, `made_at`: when the batch was made."""

    number: int
    source: str
    source_name: str
    made_at: datetime
    day: datetime
    transfers: Sequence[Transfer]

    @property
    def message(self) -> str:
        """The number of the message: our Sheba and nine digits."""
        return f"{self.source}{self.number:09d}"

    @property
    def total(self) -> int:
        return sum(one.amount for one in self.transfers)


def _date(instant: datetime) -> str:
    day = jalali(instant)
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def _plain(text: str, longest: int) -> str:
    words = " ".join(normalise(text).split())
    return "".join(sign for sign in words if not has_controls(sign))[:longest].strip() or EMPTY


def xml(order: Order) -> bytes:
    """Return the file of a batch, in UTF-8."""
    document = ElementTree.Element("Document", xmlns=NAMESPACE)
    initiation = ElementTree.SubElement(document, "CstmrCdtTrfInitn")
    head = _within(initiation, "GrpHdr")
    _say(head, "MsgId", order.message)
    _say(head, "CreDtTm", f"{_date(order.made_at)}T08:00:00")
    _say(head, "NbOfTxs", str(len(order.transfers)))
    _say(head, "CtrlSum", str(order.total))
    _say(_within(head, "InitgPty"), "Nm", _plain(order.source_name, LONGEST_NAME))
    payment = _within(initiation, "PmtInf")
    _say(payment, "PmtInfId", "1")
    _say(payment, "PmtMtd", "TRF")
    _say(payment, "NbOfTxs", str(len(order.transfers)))
    _say(payment, "CtrlSum", str(order.total))
    _say(payment, "ReqdExctnDt", _date(order.day))
    _say(_within(payment, "Dbtr"), "Nm", _plain(order.source_name, LONGEST_NAME))
    _say(_within(payment, "DbtrAcct", "Id"), "IBAN", order.source)
    _say(_within(payment, "DbtrAgt", "FinInstnId"), "BIC", CLEARING)
    for one in order.transfers:
        row = _within(payment, "CdtTrfTxInf")
        number = _within(row, "PmtId")
        _say(number, "InstrId", one.reference)
        _say(number, "EndToEndId", EMPTY)
        _say(_within(row, "Amt"), "InstdAmt", str(one.amount)).set("Ccy", "IRR")
        _say(_within(row, "Cdtr"), "Nm", _plain(one.holder, LONGEST_NAME))
        _say(_within(row, "CdtrAcct", "Id"), "IBAN", one.sheba)
        _say(_within(row, "RmtInf"), "Ustrd", _plain(one.text, LONGEST_TEXT))
    ElementTree.indent(document)
    body = ElementTree.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def table(order: Order) -> bytes:
    """Return the same lines as CSV, as internet banks take them from a spreadsheet: UTF-8 with a mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEADER)
    for one in order.transfers:
        cells = [one.sheba, one.reference, _plain(one.holder, LONGEST_NAME), str(one.amount)]
        writer.writerow([_cell(cell) for cell in [*cells, _plain(one.text, LONGEST_TEXT)]])
    return ("\ufeff" + out.getvalue()).encode()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _within(parent: ElementTree.Element, *names: str) -> ElementTree.Element:
    for name in names:
        parent = ElementTree.SubElement(parent, name)
    return parent


def _say(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text
    return child
