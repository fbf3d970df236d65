"""The results page as a reader uses it, in headless Chromium."""

import pytest
from tests.results_page import browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = "[...document.querySelectorAll('#{}-table tbody tr')]"
CHIP = (
    "[...document.querySelectorAll('#{}-chips button')].find(one => one.firstChild.data === '{}')"
)


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    with browser.Page(made.page, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def column(page, section, place):
    """The texts of a column, from top to bottom."""
    return page.run(f"{ROWS.format(section)}.map(row => row.cells[{place}]?.textContent.trim())")


def click(page, element):
    page.run(f"({element}).dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")


def test_nothing_is_fetched_and_nothing_fails(page):
    page.go()
    loaded = page.run("performance.getEntriesByType('resource').map(one => one.name)")
    assert {name.partition(":")[0] for name in loaded} <= {"data", "blob"}
    assert page.errors == []


def test_begins_with_one_experiment_and_its_curves(page):
    page.go()
    assert set(column(page, "runs", 0)) == {"VGG19"}
    assert page.run("document.querySelectorAll('#curves path').length") == 10
    assert len(column(page, "claims", 0)) == 4


def test_chips_filter_rows_and_curves_and_stay_in_the_address(page):
    page.go("#runs")
    assert len(column(page, "runs", 0)) == 20
    click(page, CHIP.format("runs", "LeNet-5"))
    click(page, CHIP.format("runs", "PB"))
    assert column(page, "runs", 1) == ["PB", "PB"]
    assert page.run("document.querySelectorAll('#curves path').length") == 2
    assert page.run("location.hash") == "#runs&experiment=lenet5_mnist&arm=pb"
    click(page, CHIP.format("runs", "1"))
    assert column(page, "runs", 2) == ["1"]
    click(page, CHIP.format("runs", "PB"))
    assert len(column(page, "runs", 0)) == 5


@pytest.mark.parametrize("rule", ["last", "best_on_validation", "best_on_test"])
def test_the_switch_shows_the_accuracy_of_another_epoch(page, made, rule):
    page.go("#runs&experiment=lenet5_mnist&arm=pb")
    click(page, f"document.querySelector('input[value={rule}]')")
    rows = [row for row in made.rows if row["key"].startswith("lenet5_mnist/pb/")]
    assert column(page, "runs", 5) == [f"{row['accuracy'][rule]:.2f}" for row in rows]
    assert column(page, "runs", 6) == [f"{row['minus'][rule]:+.2f}" for row in rows]


def test_a_click_on_a_head_sorts_by_number(page):
    page.go("#runs")
    click(page, "document.querySelector('#runs-table th.last')")
    values = [float(text) for text in column(page, "runs", 5)]
    assert values == sorted(values)


def test_a_run_opens_with_its_command_record_and_configuration(page, made):
    page.go("#runs&experiment=lenet5_mnist")
    click(page, f"{ROWS.format('runs')}[2].cells[0]")
    row = made.rows[12]
    assert page.run("document.querySelector('.child code').textContent") == row["command"]
    assert row["command"].endswith(f"{row['key']}/record.json --config scale=fake")
    links = page.run(
        "[...document.querySelectorAll('.child dd a')].map(one => one.getAttribute('href'))"
    )
    for link in links:
        assert (made.page.parent / link).is_file()
    texts = page.run("[...document.querySelectorAll('.child pre')].map(one => one.textContent)")
    assert '"experiment": "lenet5_mnist"' in texts[0]
    assert '"n_correct"' in texts[1]


def test_a_claim_leads_to_its_line_and_its_runs(page):
    page.go("#claims&verdict=undecided")
    assert len(column(page, "claims", 0)) == 1
    click(page, f"{ROWS.format('claims')}[0].cells[1]")
    assert "line 11" in page.run("document.querySelector('#claims .child').textContent")
    links = "document.querySelectorAll('#claims .child a[href^=\"#runs\"]')"
    assert page.run(f"{links}.length") == 4  # pb and fb, two seeds
    page.run(f"{links}[0].click()")
    page.run("new Promise(done => setTimeout(done, 100))")
    assert column(page, "runs", 1)[0] == "FB"
    assert page.run("document.querySelector('#runs .child code').textContent.includes('fb/seed0')")


def test_the_nearest_curve_says_what_it_is(page, made):
    page.go("#runs&experiment=lenet5_mnist&arm=pb")
    told = page.run("""
        (() => {
          const svg = document.querySelector("#curves svg"), box = svg.getBoundingClientRect();
          const path = document.querySelector("#curves path"), scale = box.width / 1100;
          const { x, y } = path.getPointAtLength(path.getTotalLength());
          const place = { clientX: box.left + x * scale, clientY: box.top + y * scale };
          svg.dispatchEvent(new MouseEvent("mousemove", place));
          return document.querySelector("#curves output").textContent;
        })()""")
    assert "LeNet-5, PB, seed " in told
    assert "epoch 11: " in told
    assert "% frozen" in told


def test_a_table_that_is_opened_can_be_sorted(page):
    page.go()
    page.run("document.querySelector('#table_2').open = true")
    page.run("new Promise(done => setTimeout(done, 100))")
    click(page, "document.querySelector('#table_2 th')")
    click(page, "document.querySelector('#table_2 th')")
    first = "document.querySelector('#table_2 tbody td').textContent"
    assert page.run(first) == "VGG19"
    assert page.errors == []
