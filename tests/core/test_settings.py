"""Settings: defaults, file, environment, in rising priority; nothing unknown is accepted in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pubmed_rag.core.errors import SettingsError
from pubmed_rag.core.settings import Settings, default_config_path, load_settings

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file, empty as yet."""
    path = tmp_path / "config.toml"
    path.touch()
    return path


def load(config: Path, toml: str = "", **environ: str) -> Settings:
    config.write_text(toml, encoding="utf-8")
    return load_settings({"PUBMED_RAG_CONFIG": str(config), **environ})


def test_defaults(config: Path) -> None:
    settings = load(config)
    assert settings == Settings()
    assert settings.entrez.url.startswith("https://eutils.ncbi.nlm.nih.gov/")
    assert (settings.models.embedder, settings.models.llm) == ("minilm", "smollm2-135m")
    assert (settings.search.mode, settings.search.top, settings.ask.top) == ("hybrid", 10, 8)
    assert (settings.ask.temperature, settings.ask.seed) == (0.0, 0)
    assert settings.library.is_absolute()


def test_the_file_overrides_the_defaults(config: Path) -> None:
    settings = load(
        config, 'library = "/data/lib"\n[search]\ntop = 25\n[ask]\ntemperature = 1\n[models]\nllm = "m.gguf"'
    )
    assert settings.library == Path("/data/lib")
    assert settings.search.top == 25
    assert settings.search.mode == "hybrid"
    assert settings.ask.temperature == 1.0
    assert settings.models.llm == "m.gguf"


def test_the_environment_overrides_the_file(config: Path) -> None:
    settings = load(
        config,
        'library = "/file"\n[entrez]\nemail = "file@example.org"\ntries = 2\n[search]\ntop = 25\nmode = "dense"',
        PUBMED_RAG_LIBRARY="/environment",
        PUBMED_RAG_SEARCH_TOP="7",
        PUBMED_RAG_ENTREZ_TIMEOUT_SECONDS="1.5",
        PUBMED_RAG_MODELS_DIRECTORY="/models",
        NCBI_EMAIL="environment@example.org",
        NCBI_API_KEY=SECRET,
        PUBMED_RAG_EUTILS_URL="http://127.0.0.1:8000/",
        UNRELATED="x",
    )
    assert settings.library == Path("/environment")
    assert (settings.search.top, settings.search.mode) == (7, "dense")
    assert settings.models.directory == Path("/models")
    assert settings.entrez.email == "environment@example.org"
    assert settings.entrez.api_key == SECRET
    assert settings.entrez.url == "http://127.0.0.1:8000/"
    assert (settings.entrez.timeout_seconds, settings.entrez.tries) == (1.5, 2)


def test_the_caller_overrides_all(config: Path) -> None:
    settings = load(config, PUBMED_RAG_LIBRARY="/environment", PUBMED_RAG_SEARCH_TOP="7")
    other = settings.with_library(Path("/argument"))
    assert (other.library, other.search.top) == (Path("/argument"), 7)
    assert settings.library == Path("/environment")


def test_the_process_environment_is_not_read(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBMED_RAG_SEARCH_TOP", "7")
    monkeypatch.setenv("NCBI_API_KEY", SECRET)
    assert load(config) == Settings()


def test_home_is_expanded(config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(config, 'library = "~/lib"').library == tmp_path / "lib"
    assert load(config, PUBMED_RAG_LIBRARY="~/other").library == tmp_path / "other"


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("libary = 'x'", "unknown setting 'libary' in .*config.toml. did you mean 'library'?"),
        ("[serch]\ntop = 1", "unknown setting 'serch' .* did you mean 'search'?"),
        ("[search]\ntpo = 1", "unknown setting 'search.tpo' .* did you mean 'search.top'?"),
        ("[entrez]\nxyzzy = 1", "unknown setting 'entrez.xyzzy' .* known here: api_key, email,"),
        ("search = 3", "'search' in .* must be a table"),
        ("[search]\ntop = 'many'", "unusable setting: .*search.top"),
        ("[ask]\ntemperature = 'warm'", "unusable setting: .*ask.temperature"),
        ("library = 3", "unusable setting: .*library"),
        ("library = '~no-such-person-here/x'", "unusable setting: .*library"),
        ("[search\n", "is not valid TOML"),
    ],
)
def test_what_a_file_may_not_say(config: Path, toml: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(config, toml)
    assert re.search(words, str(caught.value))
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_text(config: Path) -> None:
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is not valid TOML"):
        load_settings({"PUBMED_RAG_CONFIG": str(config)})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PUBMED_RAG_LIBARY", "x", "unknown setting 'libary' in PUBMED_RAG_LIBARY. did you mean 'library'?"),
        ("PUBMED_RAG_SEARCH_TPO", "1", "unknown setting 'search.tpo' in PUBMED_RAG_SEARCH_TPO. did you mean"),
        ("PUBMED_RAG_SEARCH_TOP", "many", "unusable setting: .*search.top"),
        ("PUBMED_RAG_SEARCH", "x", "'search' in PUBMED_RAG_SEARCH must be a table"),
        ("PUBMED_RAG_", "x", "unknown setting"),
    ],
)
def test_what_the_environment_may_not_say(config: Path, name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(config, **{name: value})
    assert re.search(words, str(caught.value))


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"which does not exist"):
        load_settings({"PUBMED_RAG_CONFIG": str(tmp_path / "missing.toml")})


def test_the_file_has_a_place_of_its_own() -> None:
    assert default_config_path({}).name == "config.toml"
    assert default_config_path({"PUBMED_RAG_CONFIG": "x.toml"}) == Path("x.toml")


def test_the_key_is_never_shown(config: Path) -> None:
    settings = load(config, NCBI_API_KEY=SECRET)
    assert SECRET not in f"{settings!r} {settings} {settings.entrez}"
    with pytest.raises(SettingsError) as caught:
        load(config, f"[entrez]\napi_key = ['{SECRET}']")
    assert SECRET not in repr(caught.value)
    assert SECRET not in str(caught.value)


def test_a_key_for_the_model_server_comes_from_the_environment_only(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[models]\nendpoint = "http://localhost:8080/v1"\n', encoding="utf-8")
    environ = {"PUBMED_RAG_CONFIG": str(path), "PUBMED_RAG_MODELS_KEY": "sk-secret"}
    settings = load_settings(environ)
    assert (settings.models.endpoint, settings.models.key) == ("http://localhost:8080/v1", "sk-secret")
    assert "sk-secret" not in repr(settings)
    path.write_text('[models]\nkey = "sk-secret"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="PUBMED_RAG_MODELS_KEY") as caught:
        load_settings({"PUBMED_RAG_CONFIG": str(path)})
    assert "sk-secret" not in str(caught.value)
