"""consumer/PROTOCOL.md is the legend of the codes in code and tests: none without the other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"(?<![\w'\"`])[RSCTXIW][1-9](?![\w'\"`])")
HEADING = re.compile(r"^### ([RSCTXIW][1-9]) \S", re.MULTILINE)
TEST_NAME = re.compile(r"def test_([rsctxiwRSCTXIW][1-9])_")
ELSEWHERE = re.compile(r"\bfacts\b|design(?: §|\.md)|\.\./shared", re.IGNORECASE)


def sources(*folders):
    return {
        path: path.read_text(encoding="utf-8") for name in folders for path in (ROOT / name).rglob("*.py")
    }


def legend():
    return (ROOT / "consumer" / "PROTOCOL.md").read_text(encoding="utf-8")


def headings():
    return HEADING.findall(legend())


def test_the_legend_explains_each_code_once():
    assert len(headings()) == len(set(headings()))
    assert len(headings()) > 20


def test_every_code_in_the_tree_is_in_the_legend():
    texts = sources("common", "consumer", "producer", "infra", "tests").items()
    unknown = {
        f"{path.relative_to(ROOT)}: {code}"
        for path, text in texts
        if path != Path(__file__)
        for code in set(CODE.findall(text)) - set(headings())
    }
    assert unknown == set()


def test_every_rule_of_the_legend_has_a_test_named_after_it():
    named = {code.upper() for text in sources("tests").values() for code in TEST_NAME.findall(text)}
    assert set(headings()) - named == set()
    assert named - set(headings()) == set()


def test_nothing_cites_a_document_outside_of_the_repository():
    documents = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("*.md")}
    texts = (
        sources("common", "consumer", "producer", "infra", "tests") | documents | {Path("legend"): legend()}
    )
    citing = {str(path) for path, text in texts.items() if path != Path(__file__) and ELSEWHERE.search(text)}
    assert citing == set()


def test_every_module_that_the_legend_names_is_there():
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", legend()))
    assert len(named) > 10
    assert {name for name in named if not (ROOT / name).exists()} == set()
