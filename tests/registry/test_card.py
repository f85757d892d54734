"""Model cards: facts and people's words in the layout of Hugging Face, and nothing else."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import mistune
import pytest
from ruamel.yaml import YAML

from mlops_lab.errors import InvalidInput
from mlops_lab.project import Project
from mlops_lab.registry.records import ModelVersion

from .conftest import IVO, MARA, Make

EVIL = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) | `x` --- \n# big"


def front_matter(card: str) -> dict[str, Any]:
    head, rest = card.removeprefix("---\n").split("\n---\n", 1)
    assert rest.startswith("\n# flight-delay ")
    value = YAML(typ="safe").load(head)
    assert isinstance(value, dict)
    return value


def test_the_card_has_the_facts(project: Project, version: ModelVersion, judge: Any) -> None:
    judge(
        version,
        "rejected",
        sentences=["auc 0.61 is below 0.70"],
        metrics={"auc": 0.61},
        champion={"version": 4, "metrics": {"auc": 0.7}},
    )
    project.models.promote(version.ref, "champion", reason="why not", by=MARA)
    card = project.models.card(version.ref)
    head = front_matter(card)
    assert head["library_name"] == "sklearn"
    assert head["tags"] == ["mlops-lab", "champion"]
    (result,) = head["model-index"][0]["results"]
    assert result["task"]["name"] == "tabular-classification"
    assert {one["type"]: one["value"] for one in result["metrics"]} == {
        "auc": 0.61,
        "log_loss": 0.47,
    }
    titles = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert titles == [
        "Model details",
        "Intended use",
        "Out-of-scope use",
        "Training data",
        "Training procedure",
        "Evaluation",
        "Gates",
        "Signature",
        "How to use",
        "Ethical considerations",
        "Limitations",
        "History",
        "Contact",
    ]
    assert "| auc | 0.61 | 0.7 |" in card
    assert "7 of 8 gates passed in flight-delay-41" in card
    assert "- auc 0.61 is below 0.70" in card
    assert "| champion | 1 |" in card
    assert "why not" in card
    assert f"`{version.digest}`" in card


def test_what_people_wrote_stays_for_the_versions_to_come(
    project: Project, version: ModelVersion, make: Make
) -> None:
    project.models.edit_card("flight-delay", {"limitations": "Not for helicopters."}, by=MARA)
    project.models.edit_card("flight-delay", {"intended_use": "Warn *early*."}, by=IVO)
    card = project.models.card(make().ref)
    assert "## Limitations\n\nNot for helicopters." in card
    assert "## Intended use\n\nWarn *early*." in card
    assert project.models.card_sections("flight-delay")["contact"] == ""
    project.models.edit_card("flight-delay", {"limitations": ""}, by=MARA)
    assert "helicopters" not in project.models.card("flight-delay@1")


def test_a_number_is_written_as_it_is(project: Project, version: ModelVersion) -> None:
    for note, written in (("3.11.7", "3.11.7"), ("-0.5", r"\-0.5"), ("1. a", r"1\. a")):
        project.models.edit(version.ref, note=note, by=MARA)
        assert f"| Note | {written} |" in project.models.card(version.ref)
    assert "<ol" not in shown(project.models.card(version.ref))


def test_a_part_that_is_a_fact_cannot_be_written(project: Project, version: ModelVersion) -> None:
    with pytest.raises(InvalidInput, match="no part 'evaluation' that people write"):
        project.models.edit_card("flight-delay", {"evaluation": "perfect"}, by=MARA)


def test_nobodys_words_become_markup(project: Project, version: ModelVersion, judge: Any) -> None:
    project.models.edit("flight-delay", description=EVIL, tags={EVIL: EVIL}, by=MARA)
    project.models.edit(version.ref, note=EVIL, by=MARA)
    judge(version, "rejected", sentences=[EVIL], metrics={EVIL: 0.5})
    project.models.promote(version.ref, "champion", reason=EVIL, by=MARA)
    project.models.edit_card("flight-delay", dict.fromkeys(("limitations", "contact"), EVIL))
    card = project.models.card(version.ref)
    head = front_matter(card)
    assert f"{EVIL}:{EVIL}" in head["tags"]
    text = card.split("\n---\n", 1)[1]
    html = shown(text)
    assert "<img" not in html
    assert "href" not in html
    assert html.count("<h1>") == 1
    assert {row.count("<td") for row in html.split("<tr>")[1:]} <= {0, 2, 3, 6}


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "[a](JaVaScript&#58;alert(1))",
        "[a](javascript\\:alert(1))",
        "[a](\n  javascript:alert(1))",
        "[a](<javascript:alert(1)>)",
        "[a](&#x6A;avascript:alert(1))",
        "[a]\n\n[a]: javascript:alert(1)",
        "[a]\n\n> [a]:\n> data:text/html,x",
        "<javascript:alert(1)>",
        "![a](https://elsewhere.example/pixel.png)",
        "&lt;script&gt;",
    ],
)
def test_prose_leads_to_no_script(project: Project, version: ModelVersion, text: str) -> None:
    project.models.edit_card("flight-delay", {"limitations": text}, by=MARA)
    html = shown(project.models.card("flight-delay@1").split("\n---\n", 1)[1])
    assert "<script" not in html
    assert "<img" not in html
    targets = [unescape(one) for one in re.findall(r'href="([^"]*)"', html)]
    # The renderer's own word for what it would not have let through.
    assert "#harmful-link" not in targets
    assert not [one for one in targets if re.match(r"\s*(javascript|vbscript|data)\s*:", one, re.I)]


def test_prose_keeps_its_markdown(project: Project, version: ModelVersion) -> None:
    text = "**Not** for:\n\n- helicopters, see [here](https://faa.example/x) and [there](doc.md)"
    project.models.edit_card("flight-delay", {"limitations": text}, by=MARA)
    html = shown(project.models.card("flight-delay@1").split("\n---\n", 1)[1])
    assert "<strong>Not</strong>" in html
    assert '<a href="https://faa.example/x">here</a>' in html
    assert '<a href="doc.md">there</a>' in html


def shown(markdown: str) -> str:
    html = mistune.create_markdown(escape=False, plugins=["table"])(markdown)
    assert isinstance(html, str)
    return html
