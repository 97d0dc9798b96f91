"""The documents as pages of Airflow, and who may read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from downloader_plugin import DownloaderPlugin
from downloader_tasks.documents import html_of
from support.documents import DOCUMENTS, anchors


@pytest.fixture(scope="module")
def mounted(airflow_database: None) -> FastAPI:
    """What Airflow mounts."""
    (mounted,) = [each for each in DownloaderPlugin().fastapi_apps if each["url_prefix"] == "/downloader-docs"]
    found: FastAPI = mounted["app"]
    return found


@pytest.fixture
def reader(mounted: FastAPI) -> Iterator[TestClient]:
    """Somebody who is logged in."""
    (guard,) = (each.dependency for each in mounted.router.dependencies)
    assert guard is not None
    mounted.dependency_overrides[guard] = lambda: None
    yield TestClient(mounted)
    mounted.dependency_overrides.clear()


@pytest.mark.parametrize("path", ["/parameters", "/parameters.md", "/nothing", "/docs", "/openapi.json", "/redoc"])
def test_without_a_login_nothing_is_told(mounted: FastAPI, path: str) -> None:
    answer = TestClient(mounted).get(path)
    assert (answer.status_code, "raw_file" in answer.text) in ((401, False), (404, False))
    assert answer.status_code == 401 or path == "/openapi.json"


@pytest.mark.parametrize("name", ["parameters", "parameters.md", "README.md"])
def test_a_document_is_a_page(reader: TestClient, name: str) -> None:
    answer = reader.get(f"/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<h2 id=" in answer.text
    assert "s3_downloader" in answer.text


@pytest.mark.parametrize("name", ["nothing", "..%2Fconfig.yaml", "<script>", "config"])
def test_what_is_no_document_is_not_there(reader: TestClient, name: str) -> None:
    answer = reader.get(f"/{name}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_every_heading_and_every_link_of_a_document_leads_on(reader: TestClient, file: Path) -> None:
    page = reader.get(f"/{file.stem}").text
    assert set(re.findall(r'<h\d id="([^"]+)"', page)) == anchors(file.read_text(encoding="utf-8"))
    beside = [link for link in re.findall(r'href="([^"]+)"', page) if ".md" in link]
    for link in beside:
        assert reader.get("/" + link.partition("#")[0]).status_code == 200, link


def test_html_in_a_document_is_text() -> None:
    assert "<script>" not in html_of("a <script>alert(1)</script> [x](javascript:alert)")
    assert 'href="javascript' not in html_of("[x](javascript:alert)")
