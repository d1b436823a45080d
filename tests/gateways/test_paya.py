"""The files by which a bank takes transfers: exact, the same each time, and safe whatever people are called."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

from peyman.gateways import paya
from peyman.gateways.paya import NAMESPACE, Order, Transfer

FIRST = Transfer("IR062960000000100324200001", "سارا احمدی", 1_503_000, "000001000168", "بازپرداخت ORD-1 000001000168")
ORDER = Order(
    number=1,
    source="IR820540102680020817909002",
    source_name="پیمان",
    made_at=datetime(2025, 1, 4, 21, tzinfo=UTC),  # 5 January in Tehran
    day=datetime(2025, 1, 5, 8, tzinfo=UTC),
    transfers=[FIRST],
)
XML = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>IR820540102680020817909002000000001</MsgId>
      <CreDtTm>1403-10-16T08:00:00</CreDtTm>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>1503000</CtrlSum>
      <InitgPty>
        <Nm>پیمان</Nm>
      </InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>1</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>1503000</CtrlSum>
      <ReqdExctnDt>1403-10-16</ReqdExctnDt>
      <Dbtr>
        <Nm>پیمان</Nm>
      </Dbtr>
      <DbtrAcct>
        <Id>
          <IBAN>IR820540102680020817909002</IBAN>
        </Id>
      </DbtrAcct>
      <DbtrAgt>
        <FinInstnId>
          <BIC>BMJIIRTHXXX</BIC>
        </FinInstnId>
      </DbtrAgt>
      <CdtTrfTxInf>
        <PmtId>
          <InstrId>000001000168</InstrId>
          <EndToEndId>EMPTY</EndToEndId>
        </PmtId>
        <Amt>
          <InstdAmt Ccy="IRR">1503000</InstdAmt>
        </Amt>
        <Cdtr>
          <Nm>سارا احمدی</Nm>
        </Cdtr>
        <CdtrAcct>
          <Id>
            <IBAN>IR062960000000100324200001</IBAN>
          </Id>
        </CdtrAcct>
        <RmtInf>
          <Ustrd>بازپرداخت ORD-1 000001000168</Ustrd>
        </RmtInf>
      </CdtTrfTxInf>
    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""


def test_the_file_is_this_and_the_same_each_time() -> None:
    assert paya.xml(ORDER).decode() == XML
    assert paya.xml(ORDER) == paya.xml(replace(ORDER, transfers=list(ORDER.transfers)))
    assert len(ORDER.message) == 35  # as long as a message's number may be


def test_sums_and_counts_are_those_of_the_lines() -> None:
    many = [replace(FIRST, reference=f"{n:012}", amount=n) for n in range(1, 101)]
    root = ElementTree.fromstring(paya.xml(replace(ORDER, transfers=many)))  # noqa: S314  our own
    said = {tag: [one.text for one in root.iter(f"{{{NAMESPACE}}}{tag}")] for tag in ("NbOfTxs", "CtrlSum", "InstrId")}
    assert said["NbOfTxs"] == ["100", "100"] and said["CtrlSum"] == ["5050", "5050"]
    assert said["InstrId"] == [f"{n:012}" for n in range(1, 101)]


def test_no_name_breaks_the_file_or_runs_in_a_spreadsheet() -> None:
    names = ["<b>&\"'", "=HYPERLINK(1)", "سارا\x00\x0b\nاحمدی", "+1", "ن" * 200, " ", "]]>"]
    order = replace(ORDER, transfers=[replace(FIRST, holder=name) for name in names])
    root = ElementTree.fromstring(paya.xml(order))  # noqa: S314  our own
    written = [one.text for one in root.iter(f"{{{NAMESPACE}}}Nm")][2:]
    assert written == ["<b>&\"'", "=HYPERLINK(1)", "سارا احمدی", "+1", "ن" * 70, "EMPTY", "]]>"]
    rows = list(csv.reader(io.StringIO(paya.table(order).decode("utf-8-sig"))))
    assert rows[0] == ["شماره شبا", "شناسه واریز", "نام و نام خانوادگی", "مبلغ", "شرح"]
    assert [row[2] for row in rows[1:]] == ["<b>&\"'", "'=HYPERLINK(1)", "سارا احمدی", "'+1", "ن" * 70, "EMPTY", "]]>"]
    assert rows[1][0] == FIRST.sheba and rows[1][3] == "1503000"
