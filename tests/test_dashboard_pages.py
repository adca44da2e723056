"""The dashboards in a real browser: they load in silence, draw, answer hand and key, and show what is wrong."""

from pathlib import Path

import faulty_fleet as given
import pytest
from browser import chromium, opened
from playwright.sync_api import expect

from altergo_interface.dashboards import figures

DRAWN = "element => element.querySelectorAll('.main-svg .scatterlayer .trace path.js-line').length"
TEXTS = "elements => elements.map(e => e.textContent)"


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all tests of this file."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory, make_events) -> dict[str, Path]:
    """The fleet's page, and those of its assets by name."""
    root = tmp_path_factory.mktemp("pages")
    fleet = given.build(root, make_events)
    found = {"fleet": fleet.fleet_dashboard(root / "out" / "fleet.html")}
    found["few"] = fleet.fleet_dashboard(root / "few" / "fleet.html", pages=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "BUDGET", 5_000)
        found["thinned"] = fleet.dashboard(given.SOUND, root / "thinned.html")
    names = (given.SOUND, given.FAULTY, given.SINGLE, given.EMPTY)
    return found | {name: fleet.dashboard(name, root / f"{i}.html") for i, name in enumerate(names)}


def scroll_through(page) -> None:
    """Bring every plot into sight once."""
    for plot in page.query_selector_all(".plot"):
        plot.evaluate("one => one.scrollIntoView()")
        page.wait_for_function("one => one.querySelector('.main-svg') !== null", arg=plot)


def view(page) -> tuple[float, float]:
    """The range of time that the page shows, ms."""
    return tuple(page.evaluate("page.view"))


def plot_of(page, title):
    """The plot under a heading."""
    return page.locator("figure", has=page.get_by_role("heading", name=title)).locator(".plot").first


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        *(("fleet", "light"), ("fleet", "dark"), (given.FAULTY, "light"), (given.FAULTY, "dark")),
        *((given.SOUND, "light"), (given.SINGLE, "light"), (given.EMPTY, "light")),
    ],
)
def test_every_page_loads_in_silence_and_draws_all_its_plots(browser, pages, name, scheme):
    with opened(browser, pages[name], color_scheme=scheme) as seen:
        page = seen.page
        scroll_through(page)
        declared = page.evaluate("page.data.figures.length")
        told = page.locator("figure .empty").count()
        assert page.locator(".plot").count() + told == declared
        assert page.locator(".plot .main-svg").count() >= page.locator(".plot").count()


def test_lines_are_drawn_from_the_samples(browser, pages):
    with opened(browser, pages[given.SOUND]) as seen:
        assert plot_of(seen.page, "Voltage, alerts and rests").evaluate(DRAWN) >= 2
        drawn = seen.page.evaluate("document.querySelector('.plot').data.find(t => t.name === 'cell_voltage_max').y")
        assert max(drawn) == 4.3
        assert min(drawn) == pytest.approx(3.61, abs=0.01)


def test_hovering_tells_the_value_and_its_unit(browser, pages):
    with opened(browser, pages[given.SOUND]) as seen:
        plot = plot_of(seen.page, "Voltage, alerts and rests")
        box = plot.bounding_box()
        seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        seen.page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2)
        label = plot.locator(".hoverlayer .legend")
        label.wait_for()
        assert "cell_voltage_min" in label.text_content()
        assert " V" in label.text_content()


def test_a_drag_zooms_all_plots_and_a_double_click_shows_all_again(browser, pages):
    with opened(browser, pages[given.SOUND]) as seen:
        page, before = seen.page, view(seen.page)
        box = plot_of(page, "Voltage, alerts and rests").locator(".nsewdrag").first.bounding_box()
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] * 0.4, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
        page.mouse.up()
        page.wait_for_function("before => page.view[1] - page.view[0] < 0.2 * (before[1] - before[0])", arg=before)
        assert page.locator("#from").input_value() > "2026-01-30T00:00"
        ranges = page.evaluate("[...page.drawn].filter(e => e.layout.yaxis2).map(e => e.layout.xaxis.range.join())")
        assert len(set(ranges)) == 1
        assert len(ranges) >= 2
        page.mouse.dblclick(box["x"] + box["width"] * 0.5, middle)
        page.wait_for_function("before => page.view.join() === before.join()", arg=before)


def test_buttons_dates_and_keys_move_through_time(browser, pages):
    with opened(browser, pages["thinned"]) as seen:
        page, (start, end) = seen.page, view(seen.page)
        page.get_by_role("button", name="1 day").click()
        assert view(page) == (end - 86_400_000, end)
        page.get_by_role("button", name="Earlier").click()
        assert view(page) == (end - 1.5 * 86_400_000, end - 0.5 * 86_400_000)
        page.keyboard.press("0")
        assert view(page) == (start, end)
        page.keyboard.press("+")
        assert view(page)[1] - view(page)[0] == pytest.approx((end - start) / 2)
        page.keyboard.press("ArrowRight")
        page.locator("#from").fill("2026-01-31T06:00")
        page.locator("#from").dispatch_event("change")
        begins = "twins dashboard EV-1 --from 2026-01-31T06:00Z --to "
        assert page.locator("#command").text_content().startswith(begins)
        page.locator("#to").fill("2026-01-30T00:00")
        page.locator("#to").dispatch_event("change")
        assert not page.locator("#to").evaluate("date => date.validity.valid")
        page.get_by_role("button", name="All").click()
        # A range ends before its second time, and the last sample belongs to it.
        assert page.locator("#command").text_content().endswith("--to 2026-02-02T23:56Z")


def test_a_closer_look_brings_samples_that_the_whole_leaves_out(browser, pages):
    series = "page.series['in:cell_voltage_min:cell_voltage_min']"
    count = "document.querySelector('.plot').data.find(t => t.name === 'cell_voltage_min').x.length"
    with opened(browser, pages[given.SOUND], viewport={"width": 700, "height": 900}) as seen:
        assert seen.page.evaluate(f"{series}.t.length") == 4 * 288
        assert seen.page.evaluate(f"thinned({series}, ...page.view, 100).t.length") <= 400
        seen.page.get_by_role("button", name="1 day").click()
        assert seen.page.evaluate(count) in (289, 290)  # a day at five minutes, and its neighbour


def test_a_page_that_holds_every_sample_names_no_command_for_more(browser, pages):
    with opened(browser, pages[given.SOUND]) as seen:
        assert seen.page.locator("#command").count() == 0


def test_only_pages_that_were_written_are_linked(browser, pages):
    with opened(browser, pages["few"]) as seen:
        names = seen.page.locator("#assets tbody tr td:first-child")
        assert names.locator("a").evaluate_all(TEXTS) == [given.FAULTY, given.SOUND]
        assert names.nth(2).locator("span").get_attribute("title") == f"twins dashboard {given.SINGLE}"


def test_every_control_is_reached_by_the_keyboard_and_has_a_name(browser, pages):
    with opened(browser, pages[given.FAULTY]) as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        names = page.locator("button, input, .plot, summary").evaluate_all(
            "all => all.map(e => e.getAttribute('aria-label') || e.textContent || e.labels?.[0]?.textContent || '')"
        )
        assert all(name.strip() for name in names)
        assert page.locator(".plot:not([tabindex='0'])").count() == 0


def test_names_from_outside_are_text_and_never_markup(browser, pages):
    for name in ("fleet", given.FAULTY):
        with opened(browser, pages[name]) as seen:
            scroll_through(seen.page)
            assert seen.page.evaluate("typeof hacked") == "undefined"
            assert seen.page.locator("img, main b, main i, main u, model").count() == 0
            assert given.FAULTY in seen.page.locator("body").text_content()


def test_every_kind_of_fault_can_be_seen(browser, pages):
    with opened(browser, pages[given.FAULTY]) as seen:
        page = seen.page
        scroll_through(page)
        text = page.locator("main").text_content()
        assert "a <model> that cannot be & will not be" in text
        assert "waits for 'breaks', which is parked" in text
        assert "It needs nowhere (nowhere)." in text
        assert f"{given.SENTINELS} readings outside the valid range" in text
        assert "1 gap, 10.1 h in all" in text
        assert page.locator(".badge").evaluate_all("all => [...new Set(all.map(e => e.textContent))].sort()") == [
            *("blocked", "ok", "parked", "skipped")
        ]
        legend = page.locator(".legendtext").evaluate_all(TEXTS)
        for entry in ("gap (1)", "alert: critical (2)", "alert: warning (1)", "rest (3)", "imbalance (2)"):
            assert entry in legend
        assert f"no samples ({given.SENTINELS})" in legend
        rows = (
            page.locator("table", has_text="Faults by sensor")
            .locator("tbody tr")
            .evaluate_all(
                "all => Object.fromEntries(all.map(r => [...r.cells].map(c => c.textContent)).map(r => [r[0], r]))"
            )
        )
        assert rows["cell_voltage_max"][4] == str(given.SENTINELS)
        assert rows["current"][6] == str(given.DUPLICATED)
        assert rows["temperature"][5] != "0"
        labels = page.evaluate("[...page.drawn].flatMap(e => e.layout.yaxis2?.ticktext || [])")
        assert labels == ["&lt;i&gt;high&lt;/i&gt;", "low"]


def test_an_asset_without_events_says_so_everywhere(browser, pages):
    with opened(browser, pages[given.EMPTY]) as seen:
        assert seen.page.locator(".plot").count() == 0
        assert "no events yet" in seen.page.locator("header").text_content()
        for section in ("overview", "inputs", "models", "records", "origins"):
            told = seen.page.locator(f"section[aria-labelledby={section}]").text_content()
            assert "Nothing to show" in told or "It needs" in told


def test_the_table_of_assets_is_sorted_searched_and_leads_to_their_pages(browser, pages):
    with opened(browser, pages["fleet"]) as seen:
        page = seen.page
        names = page.locator("#assets tbody tr td:first-child")
        assert names.evaluate_all(TEXTS) == [given.FAULTY, given.SOUND, given.SINGLE, given.EMPTY]
        header = page.locator("#assets thead th", has_text="cycles")
        header.click()
        expect(header).to_have_attribute("aria-sort", "descending")
        assert names.evaluate_all(TEXTS) == [given.SOUND, given.FAULTY, given.SINGLE, given.EMPTY]
        header.get_by_role("button").press("Enter")
        expect(header).to_have_attribute("aria-sort", "ascending")
        assert names.evaluate_all(TEXTS) == [given.SINGLE, given.FAULTY, given.SOUND, given.EMPTY]
        page.get_by_label("Find").fill("NEW")
        expect(names).to_have_text([given.EMPTY])
        page.get_by_label("Find").fill("½")
        page.get_by_role("link", name=given.FAULTY).click()
        page.wait_for_selector("html[data-ready=yes] h1")
        assert page.locator("h1").text_content() == given.FAULTY


def test_the_fleets_figures_are_those_of_the_store(browser, pages):
    with opened(browser, pages["fleet"]) as seen:
        scroll_through(seen.page)
        parked = seen.page.locator("section[aria-labelledby=parked] tbody tr td:nth-child(3)")
        assert sorted(parked.evaluate_all(TEXTS)) == ["blocked"] * 3 + ["parked"] * 3
        assert seen.page.locator("section[aria-labelledby=runs] tbody tr").count() == 1
        by_day = "[...page.drawn].find(e => e.data.some(t => t.name === 'critical'))"
        days = f"{by_day}.data.map(t => t.y.reduce((a, b) => a + b))"
        alerts = seen.page.locator("section[aria-labelledby=alerts] tbody tr")
        assert sum(seen.page.evaluate(days)) == alerts.count() == 5


def test_the_colours_follow_the_reader(browser, pages):
    ink = "document.querySelector('.plot').layout.font.color"
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, pages[given.SOUND], color_scheme="light") as seen:
        light = seen.page.evaluate(ink), seen.page.evaluate(ground)
        seen.page.emulate_media(color_scheme="dark")
        seen.page.wait_for_function(f"light => {ink} !== light", arg=light[0])
        assert seen.page.evaluate(ground) != light[1]


def test_a_print_holds_every_plot_on_white(browser, pages, tmp_path):
    with opened(browser, pages[given.FAULTY], color_scheme="dark") as seen:
        page = seen.page
        written = page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
        assert written.startswith(b"%PDF")
        assert page.evaluate("page.drawn.size") == page.locator(".plot").count()
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("nav.tools").is_visible()


@pytest.mark.parametrize("name", ["fleet", given.FAULTY])
def test_a_narrow_screen_does_not_scroll_sideways(browser, pages, name):
    with opened(browser, pages[name], viewport={"width": 390, "height": 800}) as seen:
        scroll_through(seen.page)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
