"""Pages that Drive shows in place of a file."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.sources.drive.key import DriveKey
from downloader.sources.drive.pages import PAGE_BYTES, DrivePage, WayOn
from include.stand_ins.secrets import secret

FORM = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<form action="/search" method="get"><input type="hidden" name="q" value="no"></form>
<p class="uc-warning-caption">Google Drive can't scan this file.</p>
<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">
<input type="submit" id="uc-download-link" value="Download anyway"/>
<input type="hidden" name="id" value="abc"><INPUT value='a&amp;b' TYPE=hidden name=at><input type="text" name="seen">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="a>b"></form></body></html>"""


def test_a_form_is_sent_back_whole() -> None:
    fields = {"id": "abc", "at": "a&b", "confirm": "t", "uuid": "a>b", "seen": ""}
    assert DrivePage(FORM).way_on() == WayOn("https://drive.usercontent.google.com/download", "GET", fields)


@pytest.mark.parametrize(
    ("text", "way_on"),
    [
        ('<form method=POST action="/uc?id=a&amp;confirm=x"></form>', WayOn("/uc?id=a&confirm=x", "POST")),
        ("<form action=/go><input type=hidden name=confirm value=t></form>", WayOn("/go", "GET", {"confirm": "t"})),
        ('<form id="downloadForm"></form>', WayOn("")),
        ('<a href="/help?confirm=x">?</a><a href="/uc?id=a&amp;confirm=x">on</a>', WayOn("/uc?id=a&confirm=x")),
        (r'{"a":1,"downloadUrl": "https:\/\/x\/d?id\u003da\u0026confirm\u003dt"}', WayOn("https://x/d?id=a&confirm=t")),
        ('<form action="/signin"><input type="hidden" name="continue" value="x"></form>', None),
        ('<form id="download-form" action="/x"', None),
        (r'"downloadUrl":"\u00"', None),
        ('"downloadUrl":"unended', None),
        ("", None),
    ],
)
def test_the_way_on(text: str, way_on: WayOn | None) -> None:
    assert DrivePage(text).way_on() == way_on


@pytest.mark.parametrize(
    ("inside", "fields"),
    [
        ('<input name="at" value="x">', {"at": "x"}),
        ('<input type=text name=at value=x><input type=search name=b value="">', {"at": "x", "b": ""}),
        ('<input type="submit" value="Go"><button>Go</button><input value="x">', {}),
        ('<button name="go" value="1">Go</button><input type=submit name=other value=2>', {"go": "1"}),
        ('<button type="button" name="help" value="1"><input type=reset name=r value=1>', {}),
        (
            "<input type=checkbox name=a><input type=checkbox name=b checked><input type=radio name=c value=1>",
            {"b": "on"},
        ),
        ("<input name=off value=1 disabled>", {}),
        ('</form><input name="q" value="elsewhere">', {}),
        ('</form><input name="at" value="x" form="download-form">', {"at": "x"}),
    ],
)
def test_a_form_is_sent_as_a_browser_sends_it(inside: str, fields: dict[str, str]) -> None:
    form = f'<form id="download-form" action="/x"><input type=hidden name=confirm value=t>{inside}</form>'
    found = DrivePage(form).way_on()
    assert found is not None
    assert found.fields == {"confirm": "t", **fields}


def test_hidden_inputs_are_bounded() -> None:
    inputs = "".join(f'<input type="hidden" name="n{number}" value="v">' for number in range(1000))
    long = f'<input type="hidden" name="long" value="{"x" * 10_000}">'
    found = DrivePage(f'<form id="download-form" action="/x">{long}{inputs}</form>').way_on()
    assert found is not None
    assert len(found.fields) == 50
    assert "long" not in found.fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<title>Google Drive - Quota exceeded</title>", "quota"),
        ("<title>Google Drive: Kontingent</title><p class='big uc-error-caption'>Sie</p>", "quota"),
        ("<title>Google Drive - Infected file</title><p class='uc-error-caption'>Sorry</p>", "infected"),
        ("<TITLE lang=en>Google Drive - Access Denied</TITLE>", "denied"),
        ("<title>X</title><a href='https://accounts.google.com/ServiceLogin?x'>Anmelden</a>", "login"),
        ("<title>Sorry...</title>", "robot"),
        ("<form action='https://www.google.co.in/sorry/index'>", "robot"),
        ("<div class='x g-recaptcha'></div>", "robot"),
        ("<form action='https://consent.google.de/save'>", "consent"),
        ("<a href='https://consent.google.de/save'>x</a>", ""),
        ("<title>Google Drive - Can\u2019t download file</title><p class='uc-error-caption'>Sorry</p>", "forbidden"),
        (
            "<p class='uc-error-caption'>The owner hasn&#39;t given you <b>permission</b> to download this</p>",
            "forbidden",
        ),
        ("<p class=uc-error-subcaption>Zu vielen Nutzern</p><p>Kontingent</p>", "quota"),
        ("<title>Kontingent</title><p class=uc-error-caption>x</p>", "quota"),
        ("<p class=uc-error-caption>violation of our Terms of Service</p>", "blocked"),
        ("<p class=uc-error-caption>Sorry, the file you have requested does not exist.</p>", "missing"),
        ("<title>Hitilafu</title><p class='uc-error-caption'>Samahani</p>", ""),
        ("<title>quota of users.txt</title><p>too many users</p>", ""),
        ("<p>may be sending automated queries. To protect</p>", "robot"),
        (FORM, ""),
        ("<p>uc-error-caption quota exceeded access denied</p>", ""),
    ],
)
def test_what_a_page_says(text: str, expected: str) -> None:
    page = DrivePage(text)
    found = {
        "quota": page.is_quota,
        "infected": page.is_infected,
        "denied": page.is_denied,
        "login": page.offers_login,
        "forbidden": page.is_forbidden,
        "blocked": page.is_blocked,
        "missing": page.is_missing,
        "consent": page.is_consent,
        "robot": page.is_robot_check,
    }
    assert [name for name, true in found.items() if true] == ([expected] if expected else [])


def test_a_title_is_shown_in_one_line_and_without_an_address() -> None:
    assert DrivePage("<title> A\n\u202e&amp;\x07 B </title>").title == "A & B"
    assert DrivePage(f"<title>{'x' * 500}</title>").title == "x" * 80 + "..."
    assert DrivePage("<title>https://x/y?of=z</title>").title == ""
    assert DrivePage("").title == ""


TAGS = ["<", "<a ", "<a x='", '<a x="', "</", "<!--", "<title>", "<a"]
SIGNS = ["x", "x=", " ", "-x", '"downloadUrl":', "\\", "&#"]


@pytest.mark.parametrize("unit", TAGS + SIGNS)
@pytest.mark.parametrize("begin", ["", "<a ", '"downloadUrl":"'])
def test_no_page_takes_long(begin: str, unit: str) -> None:
    text = begin + unit * (PAGE_BYTES // len(unit) // 4) + ">"
    began = time.process_time()
    page = DrivePage(text)
    assert [page.is_quota, page.is_forbidden, page.is_robot_check, page.is_consent, page.title, page.way_on()]
    assert time.process_time() - began < 2


@given(st.text(alphabet="<>ab=\"' /!-&;\\{}:\n", max_size=300))
def test_any_text_is_a_page(text: str) -> None:
    page = DrivePage(text)
    assert page.way_on() is None or isinstance(page.way_on(), WayOn)


@given(st.text(min_size=1), st.sampled_from(["", "docx", "xlsx"]), st.text(alphabet="abc-_0", max_size=20))
def test_keys_are_read_back(id_: str, export: str, resource_key: str) -> None:
    if "?" not in id_:
        key = DriveKey(id_, export, resource_key)
        assert DriveKey.parse(str(key)) == key


def test_a_plain_key_is_the_id() -> None:
    assert str(DriveKey("1abc")) == "1abc"
    key = secret("resource")
    assert str(DriveKey("1abc", "docx", key)) == f"1abc?export=docx&resourcekey={key}"
