"""Verdicts as JUnit XML: a suite for each target, a case for each budget.

The form is the one that CI systems read: https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Verdict
from edgebuild.decide.words import verdict_words


def junit(dossiers: Sequence[Dossier]) -> str:
    """The XML document. All but a pass is a failure, in words; a target without a choice is one of its own."""
    root = ET.Element("testsuites", name="edgebuild")
    total = missed = 0
    for dossier in dossiers:
        suite = ET.SubElement(root, "testsuite", name=f"{dossier.name}.{dossier.target}")
        for verdict in dossier.verdicts:
            add_case(suite, dossier, verdict)
        if dossier.choice is None:
            case = ET.SubElement(suite, "testcase", name="choice", classname=suite.attrib["name"])
            failure(case, "no candidate" if dossier.nearest is None else "fail", " ".join(dossier.decisions))
        count, failed = len(suite.findall("testcase")), len(suite.findall("testcase/failure"))
        suite.set("tests", str(count))
        suite.set("failures", str(failed))
        total, missed = total + count, missed + failed
    root.set("tests", str(total))
    root.set("failures", str(missed))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def add_case(suite: ET.Element, dossier: Dossier, verdict: Verdict) -> None:
    """One budget; its number is written either way."""
    name = f"{verdict.budget} {verdict.limit}"
    case = ET.SubElement(suite, "testcase", name=legal(name), classname=suite.attrib["name"])
    words = verdict_words(verdict)
    if verdict.status == "pass":
        ET.SubElement(case, "system-out").text = legal(words)
    else:
        failure(case, verdict.status, f"{words} (`{dossier.judged}`)")


def failure(case: ET.Element, kind: str, words: str) -> None:
    """The failure of a case, its first 200 characters as its message."""
    words = legal(words)
    ET.SubElement(case, "failure", type=kind, message=words[:200]).text = words


def legal(text: str) -> str:
    """Text without what XML 1.0 cannot hold (its production 2): the tools' words may contain any control character."""
    return "".join(letter for letter in text if letter in "\t\n\r" or is_char(ord(letter)))


def is_char(point: int) -> bool:
    """Whether a code point above the control characters is one of XML's."""
    return 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point >= 0x10000
