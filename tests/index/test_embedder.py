"""Encoders of every make, by tiny models with random weights that are made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pubmed_rag.core.errors import IndexMismatchError, UnknownModelError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import Encoding
from pubmed_rag.index.embedder import SentenceTransformerEmbedder, check_same_model, load_embedder
from pubmed_rag.index.vectors import Vectors

WORDS = (
    "aspirin reduces mortality in patients with heart failure query passage : title of the trial a b c d e f".split()
)
TEXTS = [
    "aspirin reduces mortality",
    "heart failure in patients with aspirin : the trial of mortality a b c d e f a b c d e f a b c",
    "the trial",
    "",
    "patients with heart failure",
]


def make_bert(folder: Path, seed: int) -> Path:
    """A BERT of two layers and 32 dimensions, as transformers saves it."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *dict.fromkeys(WORDS)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def article_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bert(tmp_path_factory.mktemp("article"), seed=1)


@pytest.fixture(scope="module")
def query_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bert(tmp_path_factory.mktemp("query"), seed=2)


def first_token(folder: Path, texts: list[str], tokens: int) -> Vectors:
    """The last hidden state of the first token, one text at a time: what MedCPT's own example computes."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    rows = []
    for text in texts:
        with torch.no_grad():
            inputs = tokenizer(text, truncation=True, max_length=tokens, return_tensors="pt")
            rows.append(model(**inputs).last_hidden_state[0, 0].numpy())
    found: Vectors = np.stack(rows)
    return found


def same_direction(found: Vectors, expected: Vectors) -> float:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((found * expected).sum(axis=1) / lengths).min())


def test_two_encoders_that_keep_the_length_of_vectors(article_model: Path, query_model: Path, tmp_path: Path) -> None:
    """As MedCPT: first token, inner product, and a limit of its own for each side."""
    described = tmp_path / "two.json"
    encoding = {"pooling": "cls", "similarity": "dot", "article_tokens": 12, "query_tokens": 5}
    content = {"article": str(article_model), "query": str(query_model), "encoding": encoding}
    described.write_text(json.dumps(content), encoding="utf-8")
    embedder = load_embedder(str(described), ModelStore(tmp_path))
    assert (embedder.name, embedder.dimension, embedder.normalised) == ("two", 32, False)
    passages, queries = embedder.encode_passages(TEXTS), embedder.encode_queries(TEXTS)
    expected = first_token(article_model, TEXTS, 12)
    assert same_direction(passages, expected) > 0.998  # random weights this wide are hard on bfloat16
    assert np.allclose(np.linalg.norm(passages, axis=1), np.linalg.norm(expected, axis=1), rtol=0.02)
    assert np.allclose(queries, first_token(query_model, TEXTS, 5), atol=1e-4)
    assert embedder.encode_passages([]).shape == embedder.encode_queries([]).shape == (0, 32)


def saved(folder: Path, target: Path, **options: Any) -> Path:
    """The same model as sentence-transformers saves it, with prompts and the like."""
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(folder), device="cpu", **options).save(str(target))
    return target


def test_prompts_of_the_model_are_used(article_model: Path, tmp_path: Path) -> None:
    plain = SentenceTransformerEmbedder("plain", str(article_model))
    prompts = {"query": "query : ", "document": "passage : "}
    prompted = SentenceTransformerEmbedder("p", str(saved(article_model, tmp_path / "prompted", prompts=prompts)))
    assert prompted.normalised
    assert (
        same_direction(prompted.encode_queries(TEXTS), plain.encode_queries([f"query : {t}" for t in TEXTS])) > 0.9999
    )
    expected = plain.encode_passages([f"passage : {text}" for text in TEXTS])
    assert same_direction(prompted.encode_passages(TEXTS), expected) > 0.999
    told = SentenceTransformerEmbedder(
        "told", str(article_model), encoding=Encoding(article_prompt="passage : ", query_prompt="query : ")
    )
    assert same_direction(told.encode_passages(TEXTS), expected) > 0.999
    assert np.allclose(told.encode_queries(TEXTS), prompted.encode_queries(TEXTS), atol=1e-5)


def test_vectors_are_normalised_unless_the_model_wants_the_inner_product(article_model: Path, tmp_path: Path) -> None:
    usual = SentenceTransformerEmbedder("usual", str(article_model))
    assert usual.normalised
    assert np.allclose(np.linalg.norm(usual.encode_passages(TEXTS), axis=1), 1, atol=1e-5)
    folder = saved(article_model, tmp_path / "dot", similarity_fn_name="dot")
    dot = SentenceTransformerEmbedder("dot", str(folder))
    assert not dot.normalised
    assert np.abs(np.linalg.norm(dot.encode_passages(TEXTS), axis=1) - 1).min() > 0.1
    assert same_direction(dot.encode_passages(TEXTS), usual.encode_passages(TEXTS)) > 0.999


def test_a_text_has_one_vector_whatever_its_company(article_model: Path) -> None:
    embedder = SentenceTransformerEmbedder("m", str(article_model))
    together = embedder.encode_passages(TEXTS * 60)
    alone = np.concatenate([embedder.encode_passages([text]) for text in TEXTS])
    assert same_direction(together, np.tile(alone, (60, 1))) > 0.999
    assert np.array_equal(together, embedder.encode_passages(TEXTS * 60)), "the same batch gives the same vectors"


def test_changed_weights_are_another_model(article_model: Path, query_model: Path) -> None:
    one = SentenceTransformerEmbedder("m", str(article_model))
    other = SentenceTransformerEmbedder("m", str(query_model))
    check_same_model(one, "m", one.revision, 32)
    with pytest.raises(IndexMismatchError, match="was built with m") as caught:
        check_same_model(other, "m", one.revision, 32)
    assert "models.embedder" in str(caught.value.remedy)


@pytest.mark.parametrize("content", ["", "{", '{"query": "x"}', '{"article": 5}'])
def test_a_file_that_describes_no_model(tmp_path: Path, content: str) -> None:
    described = tmp_path / "model.json"
    described.write_text(content, encoding="utf-8")
    with pytest.raises(UnknownModelError, match=r"model\.json") as caught:
        load_embedder(str(described), ModelStore(tmp_path))
    assert '"article"' in str(caught.value.remedy)


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="cannot be loaded"):
        SentenceTransformerEmbedder("m", str(tmp_path))
