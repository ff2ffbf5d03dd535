"""Bars as SVG: what they say in words, and that they fit their drawing."""

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from ocrsite.lib import charts
from ocrsite.lib.charts import Series

DAYS = [date(2026, 3, 1) + timedelta(days=number) for number in range(4)]


def drawn(*series: Series) -> ET.Element:
    text = charts.bars("docs", "Documents <by> day", DAYS, series)
    assert "style=" not in text
    assert "<script" not in text
    return ET.fromstring(text)


def test_bars_stand_on_each_other_and_fit() -> None:
    svg = drawn(Series("good", "bar-good", [6, 0, 3, 0]), Series("bad", "bar-bad", [4, 0, 1, 0]))

    rectangles = svg.findall("rect")
    assert [each.get("class") for each in rectangles] == ["bar-good", "bar-bad"] * 2
    heights = [float(each.get("height", "")) for each in rectangles]
    tops = [float(each.get("y", "")) for each in rectangles]
    assert heights == [84.0, 56.0, 42.0, 14.0]
    assert tops == [56.0, 0.0, 98.0, 84.0]
    ends = [float(each.get("x", "")) + float(each.get("width", "")) for each in rectangles]
    assert max(ends) <= charts.WIDTH


def test_chart_has_a_title_a_description_and_words_for_each_part() -> None:
    svg = drawn(Series("failed", "bar-bad", [0, 1200, 0, 1]))

    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "docs-title docs-desc"
    assert [each.text for each in svg.iter("title")] == [
        "Documents <by> day",
        "2 Mar 2026: failed 1,200",
        "4 Mar 2026: failed 1",
    ]
    (description,) = svg.iter("desc")
    assert description.text == "1 Mar 2026 to 4 Mar 2026: 1,201; most on 2 Mar 2026, 1,200."


def test_small_numbers_beside_large_ones_can_be_seen() -> None:
    (_, small) = drawn(Series("failed", "bar-bad", [1_000_000, 1, 0, 0])).findall("rect")

    assert float(small.get("height", "")) == 1.0


def test_nothing_is_drawn_of_nothing() -> None:
    svg = drawn(Series("failed", "bar-bad", [0, 0, 0, 0]))

    assert svg.findall("rect") == []
    assert [each.text for each in svg.iter("desc")] == ["1 Mar 2026 to 4 Mar 2026: nothing."]


@pytest.mark.parametrize(("percent", "width"), [(-5, "0"), (0, "0"), (42, "42"), (250, "100")])
def test_share_is_never_more_than_the_whole(percent: int, width: str) -> None:
    svg = ET.fromstring(charts.share(percent, "share-bad"))

    track, fill = svg.findall("rect")
    assert (track.get("width"), fill.get("width")) == ("100", width)
    assert svg.get("class") == "share share-bad"
    assert svg.get("aria-hidden") == "true"
