"""Small PubMed XML for tests: the parts a test is about, inside the elements every record has."""

from __future__ import annotations

import io

from pubmed_rag.core.records import Article
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.pubmed_xml import iter_records


def article(
    pmid: str = "1",
    *,
    title: str = "A title.",
    article: str = "",
    citation: str = "",
    data: str = "",
    version: int = 1,
    attributes: str = 'Status="MEDLINE"',
    pub_date: str = "<Year>2020</Year>",
) -> str:
    """A ``PubmedArticle``: ``article``, ``citation`` and ``data`` go into the elements of those names."""
    return f"""
    <PubmedArticle>
      <MedlineCitation {attributes}>
        <PMID Version="{version}">{pmid}</PMID>
        <Article PubModel="Print">
          <Journal><JournalIssue><PubDate>{pub_date}</PubDate></JournalIssue></Journal>
          <ArticleTitle>{title}</ArticleTitle>
          {article}
        </Article>
        {citation}
      </MedlineCitation>
      <PubmedData>{data}</PubmedData>
    </PubmedArticle>"""


def xml_set(*elements: str, root: str = "PubmedArticleSet") -> bytes:
    """A file of these elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{"".join(elements)}\n</{root}>\n'.encode()


def read(*elements: str) -> list[Item]:
    """What the parser makes of a file of these elements."""
    return list(iter_records(io.BytesIO(xml_set(*elements)), "test.xml"))


def read_one(element: str) -> Article:
    """The one article of a file."""
    (item,) = read(element)
    assert isinstance(item, Article), item
    return item
