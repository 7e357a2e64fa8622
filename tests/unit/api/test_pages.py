"""The files of the pages: one folder and nothing outside it, known by their content."""

import os
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from services.api import pages
from services.api.request import problems


@pytest.fixture
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI(redirect_slashes=False)
    app.include_router(pages.router)
    problems.install(app)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://firetower.test") as client:
        yield client


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "web").mkdir()
    monkeypatch.setattr(pages, "WEB", pages.Files(directory=tmp_path / "web"))
    return tmp_path / "web"


@pytest.mark.parametrize(
    "name",
    [
        "../app.py", "%2e%2e/app.py", "..%2fapp.py", "js/..%2f..%2fapp.py", "/etc/passwd", "%2fetc%2fpasswd",
        "%00", "js/main.js%00", "js", "", ".", "a" * 5000, "%ed%a0%80", "js%5c..%5c..%5capp.py",
    ],
)  # fmt: skip
async def test_nothing_but_the_files_of_the_folder_is_answered(browser, name):
    answer = await browser.get(f"/static/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_link_that_leads_out_of_the_folder_is_none_of_its_files(browser, folder, tmp_path):
    (tmp_path / "secret.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    assert (await browser.get("/static/link.js")).status_code == 404


async def test_a_file_is_known_by_its_content_whatever_its_time(browser, folder):
    file = folder / "a.mjs"
    tags = []
    for text in ("let a = 1", "let a = 2"):
        file.write_text(text)
        os.utime(file, ns=(1, len(tags)))
        answer = await browser.get("/static/a.mjs")
        assert (answer.text, answer.headers["content-type"]) == (text, "text/javascript; charset=utf-8")
        assert answer.headers["cache-control"] == "no-cache"
        tags.append(answer.headers["etag"])
        again = await browser.get("/static/a.mjs", headers={"If-None-Match": f'"x", {tags[-1]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[-1])
    assert len(set(tags)) == 2


async def test_a_part_of_a_file_is_answered_as_asked(browser, folder):
    (folder / "a.css").write_text("0123456789")
    answer = await browser.get("/static/a.css", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.text, answer.headers["content-range"]) == (206, "234", "bytes 2-4/10")
    assert (await browser.get("/static/a.css", headers={"Range": "bytes=90-"})).status_code == 416


async def test_a_file_travels_packed_for_who_can_read_that_and_each_form_has_a_tag_of_its_own(browser, folder):
    (folder / "a.css").write_text("a {}\n" * 99)
    plain = await browser.get("/static/a.css", headers={"Accept-Encoding": "identity"})
    packed = await browser.get("/static/a.css", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert packed.content == plain.content
    assert {plain.headers["vary"], packed.headers["vary"]} == {"Accept-Encoding"}
    assert plain.headers["etag"] != packed.headers["etag"]
    for answer, encoding in ((plain, "identity"), (packed, "gzip")):
        asked = {"Accept-Encoding": encoding, "If-None-Match": answer.headers["etag"]}
        again = await browser.get("/static/a.css", headers=asked)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


async def test_a_page_names_its_linked_files_which_are_kept_for_ever_and_those_of_another_build_are_not(browser):
    for page in ("/", "/login", "/wall"):
        answer = await browser.get(page)
        build = answer.headers["firetower-build"]
        assert answer.headers["cache-control"] == "no-cache"
        linked = re.findall(r'"(/static/linked/[^"]+)"', answer.text)
        assert [path.rpartition(".")[2] for path in linked] == ["css", "js"]
        for path in linked:
            present = await browser.get(path)
            assert (present.status_code, "immutable" in present.headers["cache-control"]) == (200, True)
            other = await browser.get(path.replace(build, "another"))
            assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
            assert (other.content, other.headers["firetower-build"]) == (present.content, build)
            again = await browser.get(path, headers={"If-None-Match": present.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        assert (await browser.get(f"/static/linked/{build}/nowhere.js")).status_code == 404
