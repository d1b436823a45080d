"""The answer of an audit for people: `report.html` and `report.pdf`, in Persian, beside the files for machines."""

from peyman.gateways.audit.report.answer import Answer, gather
from peyman.gateways.audit.report.writing import HTML, OUTPUTS, PDF, write

__all__ = ["HTML", "OUTPUTS", "PDF", "Answer", "gather", "write"]
