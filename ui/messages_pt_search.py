"""The words of the search page in Portuguese, by their English."""

from __future__ import annotations

SEARCHING: dict[str, str] = {
    # searching
    "Question, keywords or a PubMed query": "Pergunta, palavras-chave ou consulta do PubMed",
    "beta blockers in heart failure": "beta blockers in heart failure",
    "Type something to search for first.": "Escreva primeiro o que procurar.",
    "Type a question, some keywords or a title, and press Enter.": (
        "Escreva uma pergunta, algumas palavras-chave ou um título e tecle Enter."
    ),
    "The first year is after the last year, so nothing can match. Change one of them.": (
        "O primeiro ano vem depois do último, e nada pode corresponder. Mude um deles."
    ),
    "Searching … the first search also loads the index and the model.": (
        "Pesquisando … a primeira pesquisa também carrega o índice e o modelo."
    ),
    "How to search": "Como pesquisar",
    "**Automatic** looks at what you type. **Meaning and words** is best for most searches. **As PubMed does** takes "
    "PubMed's own language: headings, fields, AND, OR, NOT. **Words only** finds articles that contain your words: "
    "good for names, genes and exact terms. **Meaning only** finds articles that say the same in other words.": (
        "**Automático** olha para o que escreve. **Significado e palavras** é o melhor para a maioria das pesquisas. "
        "**Como o PubMed** aceita a linguagem do próprio PubMed: descritores, campos, AND, OR, NOT. "
        "**Só palavras** encontra artigos que contêm as suas palavras: bom para nomes, genes e termos exatos. **Só "
        "significado** encontra artigos que dizem o mesmo com outras palavras."
    ),
    "Automatic": "Automático",
    "Meaning and words": "Significado e palavras",
    "As PubMed does": "Como o PubMed",
    "Words only": "Só palavras",
    "Meaning only": "Só significado",
    "Side by side": "Lado a lado",
    "As PubMed searches on the left, search by meaning and words on the right, over the same articles.": (
        "Pesquisa como a do PubMed à esquerda, por significado e palavras à direita, nos mesmos artigos."
    ),
    "A closer look": "Um olhar mais atento",
    "A small language model reads the best eight articles and puts first what makes your words most likely. Better on "
    "average, and about a second slower.": (
        "Um pequeno modelo de linguagem lê os oito melhores artigos e põe primeiro o que torna as suas palavras mais "
        "prováveis. Em média é melhor, e cerca de um segundo mais lento."
    ),
    "Understood as a question": "Entendido como pergunta",
    "Understood as keywords": "Entendido como palavras-chave",
    "Understood as a PubMed query": "Entendido como consulta do PubMed",
    "Searched as chosen": "Pesquisado como escolhido",
    "Searched by": "Pesquisado por",
    "Did you mean: {words}": "Quis dizer: {words}",
    "How the query was translated": "Como a consulta foi traduzida",
    "The translation, to be changed as you like": "A tradução, para mudar como quiser",
    "Search with this translation": "Pesquisar com esta tradução",
    "Order of PubMed's lists": "Ordem das listas do PubMed",
    "Best match first": "Os mais pertinentes primeiro",
    "Newest first": "Os mais recentes primeiro",
    "Latest in PubMed first": "Os últimos a entrar no PubMed primeiro",
    # PubMed itself
    "PubMed too": "Também o PubMed",
    "Also asks PubMed itself, in a list beside. What you type and the filters are then sent to {service}, with each "
    "search; otherwise nothing leaves this machine.": (
        "Pergunta também ao próprio PubMed, numa lista ao lado. O que escreve e os filtros são então enviados a "
        "{service}, a cada pesquisa; fora isso, nada sai desta máquina."
    ),
    "What you search for is sent to {service} as well.": "O que pesquisa é enviado também a {service}.",
    "Only what you search for leaves this machine, as you chose on the search page.": (
        "Só o que pesquisa sai desta máquina, como escolheu na página de pesquisa."
    ),
    "PubMed itself, today": "O próprio PubMed, hoje",
    "Asking {service} …": "Perguntando a {service} …",
    "What your library found stands beside. Without a network everything else works as ever.": (
        "O que a sua biblioteca encontrou está ao lado. Sem rede, tudo o mais funciona como sempre."
    ),
    "Try again": "Tentar de novo",
    "How PubMed read it": "Como o PubMed a leu",
    "Add {count} to the library": "Adicionar {count} à biblioteca",
    "Add these {count} to the library": "Adicionar estes {count} à biblioteca",
    "Those of this page that your library does not hold. They are fetched from PubMed and indexed.": (
        "Os desta página que a sua biblioteca não tem. São buscados no PubMed e indexados."
    ),
    "Not in your library": "Fora da sua biblioteca",
    "In this list only": "Só nesta lista",
    "In all lists": "Em todas as listas",
    "{list}: {rank}": "{list}: {rank}",
    "{count} article is in all lists.": "{count} artigo está em todas as listas.",
    "{count} articles are in all lists.": "{count} artigos estão em todas as listas.",
    "This list ends before.": "Esta lista termina antes.",
    "Results": "Resultados",
    "Nothing found.": "Nada encontrado.",
    "Try without the filters.": "Tente sem os filtros.",
    "Try “Meaning and words”, which also finds other wordings.": (
        "Tente “Significado e palavras”, que também encontra outras formulações."
    ),
    "Check the spelling, or use fewer or more general words.": (
        "Verifique a grafia, ou use menos palavras ou palavras mais gerais."
    ),
    "{count} article matches": "{count} artigo corresponde",
    "{count} articles match": "{count} artigos correspondem",
    "The best of {count} article": "O melhor de {count} artigo",
    "The best of {count} articles": "Os melhores de {count} artigos",
    "Choose result {number}": "Escolher o resultado {number}",
    "Previous": "Anterior",
    "Next": "Seguinte",
    "Page {page} of {pages}": "Página {page} de {pages}",
    "Save {count} chosen article": "Salvar {count} artigo escolhido",
    "Save {count} chosen articles": "Salvar {count} artigos escolhidos",
    "Save this {count} article": "Salvar este {count} artigo",
    "Save these {count} articles": "Salvar estes {count} artigos",
    "Choose none": "Não escolher nenhum",
    "Choose single results with the boxes beside them.": "Escolha resultados com as caixas ao lado deles.",
    "{count} article was found on both sides.": "{count} artigo foi encontrado dos dois lados.",
    "{count} articles were found on both sides.": "{count} artigos foram encontrados dos dois lados.",
    "Found on this side only": "Encontrado só deste lado",
    "Number {rank} on the other side": "Número {rank} do outro lado",
    "Similar articles": "Artigos semelhantes",
    "Similar to": "Semelhantes a",
    "Back to the results": "Voltar aos resultados",
    # filters
    "Filters": "Filtros",
    "in use": "em uso",
    "Counts are of the best {count} results.": "As contagens são dos {count} melhores resultados.",
    "Draw over the years to choose some, or type them:": "Arraste sobre os anos para escolher alguns, ou escreva-os:",
    "From year": "Do ano",
    "To year": "Ao ano",
    "any": "qualquer",
    "Publication type": "Tipo de publicação",
    "MeSH heading": "Descritor MeSH",
    "Journal": "Revista",
    "Language of the article": "Idioma do artigo",
    "Leave retracted papers out": "Deixar de fora os artigos retratados",
    "Only with an abstract": "Só com resumo",
    "Results on a page": "Resultados por página",
    "Clear all filters": "Limpar todos os filtros",
}
