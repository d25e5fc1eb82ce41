"""The words of the challenge page in Portuguese, by their English."""

from __future__ import annotations

CHALLENGE: dict[str, str] = {
    # judging
    "Challenge": "Desafio",
    "Judge what is found": "Julgue o que é encontrado",
    "Which search is better for you? Give some queries of your own. The best results of every system are mixed, and "
    "you judge each without being told who found it.": (
        "Que pesquisa é melhor para si? Dê algumas consultas suas. Os melhores resultados de cada sistema são "
        "misturados, e julga cada um sem saber quem o encontrou."
    ),
    "Results so far": "Resultados até agora",
    "No evaluation of this library has been run yet: 'pubmed-rag eval challenge --data DIR' runs one": (
        "Ainda não foi feita nenhuma avaliação desta biblioteca: 'pubmed-rag eval challenge --data DIR' faz uma"
    ),
    "Which search finds more of what matters: keywords as in PubMed, or a language model? Measured on public "
    "collections whose relevant articles are known, and on your own judgements.": (
        "Que pesquisa encontra mais do que importa: palavras-chave como no PubMed ou um modelo de linguagem? "
        "Medido em coleções públicas cujos artigos relevantes são conhecidos, e com os seus próprios "
        "julgamentos."
    ),
    "Part": "Parte",
    "Reports": "Relatórios",
    "Against another report": "Em comparação com outro relatório",
    "Compared with the report": "Comparado com o relatório",
    "there": "lá",
    "here": "aqui",
    "What changed from that report to this one": "O que mudou desse relatório para este",
    "All results": "Todos os resultados",
    "Judge for yourself": "Julgue você mesmo",
    "95 % interval": "Intervalo de 95 %",
    "A challenge in runs/{name} was broken off (last written {when}). The same command goes on where it stopped.": (
        "Um desafio em runs/{name} foi interrompido (última escrita em {when}). O mesmo comando continua onde parou."
    ),
    "A challenge is at work in runs/{name}; its report will stand here.": (
        "Um desafio está em curso em runs/{name}; o relatório ficará aqui."
    ),
    "A report cannot be read. The command that made it makes it again from what is there.": (
        "Um relatório não pode ser lido. O comando que o fez volta a fazê-lo a partir do que existe."
    ),
    "All systems are level on your judgements: {measure} {value} over {queries}.": (
        "Todos os sistemas estão empatados nos seus julgamentos: {measure} {value} em {queries}."
    ),
    "Answer": "Resposta",
    "Article": "Artigo",
    "Choose two different systems.": "Escolha dois sistemas diferentes.",
    "Collection": "Coleção",
    "Collection by collection": "Coleção a coleção",
    "Compared with": "Comparado com",
    "Comparisons (CSV)": "Comparações (CSV)",
    "Comparisons on {collection}": "Comparações em {collection}",
    "Difference": "Diferença",
    "Difference in {measure} with its 95 % interval": "Diferença em {measure} com o seu intervalo de 95 %",
    "Differences": "Diferenças",
    "Figures compare within a table: same collection, same topics, same judgements.": (
        "Os números comparam-se dentro de uma tabela: mesma coleção, mesmos tópicos, mesmos julgamentos."
    ),
    "Filled: a difference is shown. Hollow: none is. The dashed line is no difference.": (
        "Cheio: há diferença demonstrada. Vazio: não há. A linha tracejada é diferença nula."
    ),
    "Highest is not proven best: believe a difference only where the answer above says better or worse. One "
    "person judged, only what these systems found was judged, and everything else counts as not relevant.": (
        "O mais alto não é prova de ser o melhor: acredite numa diferença só onde a resposta acima diz better ou "
        "worse. Julgou uma só pessoa, só foi julgado o que estes sistemas encontraram, e tudo o resto conta como "
        "não relevante."
    ),
    "Highest on your judgements: {names}, {measure} {value} over {queries}.": (
        "O mais alto nos seus julgamentos: {names}, {measure} {value} em {queries}."
    ),
    "How sure is that?": "Com que certeza?",
    "Judgement": "Julgamento",
    "Made {when} UTC": "Feito em {when} UTC",
    "Means (CSV)": "Médias (CSV)",
    "Measure again": "Medir de novo",
    "Measure the systems": "Medir os sistemas",
    "Measuring the systems on your judgements": "Medindo os sistemas com os seus julgamentos",
    "No result": "Sem resultado",
    "Nothing was returned.": "Nada foi devolvido.",
    "Older results were kept without their interval: a dot alone.": (
        "Resultados mais antigos foram guardados sem intervalo: só um ponto."
    ),
    "Query": "Consulta",
    "Read the whole report here": "Ler aqui o relatório completo",
    "Read with care": "Leia com cautela",
    "Report": "Relatório",
    "Run files (TREC, zip)": "Arquivos das execuções (TREC, zip)",
    "Systems": "Sistemas",
    "Systems on {collection}": "Sistemas em {collection}",
    "Text": "Texto",
    "The best {count} of {all}; 'pubmed-rag eval leaderboard' has all.": (
        "Os melhores {count} de {all}; 'pubmed-rag eval leaderboard' tem todos."
    ),
    "The measures of every system on what you have judged so far.": (
        "As medidas de cada sistema no que julgou até agora."
    ),
    "The report and its files": "O relatório e os seus arquivos",
    "The whole report (HTML)": "O relatório completo (HTML)",
    "There is no report yet. 'pubmed-rag eval datasets' says which collections there are, and 'pubmed-rag eval "
    "challenge --data DIR' makes a report of them, which then stands here": (
        "Ainda não há relatório. 'pubmed-rag eval datasets' diz que coleções existem, e 'pubmed-rag eval "
        "challenge --data DIR' faz um relatório delas, que fica aqui"
    ),
    "They lie in the library as TREC-like qrels, in runs/judgements.": (
        "Estão na biblioteca como qrels, em runs/judgements."
    ),
    "They lie in {folder}": "Estão em {folder}",
    "This report was made by an earlier version, which kept no rankings to be shown here. The same command again "
    "adds them, and asks no system anew.": (
        "Este relatório foi feito por uma versão anterior, que não guardava classificações para mostrar aqui. O "
        "mesmo comando acrescenta-as, sem voltar a consultar nenhum sistema."
    ),
    "Topic": "Tópico",
    "Topic by topic": "Tópico a tópico",
    "Topic by topic (CSV)": "Tópico a tópico (CSV)",
    "Topics, most gained first": "Tópicos, do maior ganho para a maior perda",
    "Verdict": "Veredito",
    "What changed": "O que mudou",
    "What explains it": "O que o explica",
    "What was asked": "O que foi perguntado",
    "What your judgements say": "O que dizem os seus julgamentos",
    "You have judged more since these figures were made.": "Julgou mais desde que estes números foram feitos.",
    "Your judgement ({count})": "O seu julgamento ({count})",
    "Your judgements ({count})": "Os seus julgamentos ({count})",
    "Your judgements, latest first": "Os seus julgamentos, o último primeiro",
    "better": "melhor",
    "difference in {measure}": "diferença em {measure}",
    "lost": "perdidos",
    "measured as {task} by {measure}": "medido como {task} por {measure}",
    "no difference": "sem diferença",
    "no difference shown": "nenhuma diferença demonstrada",
    "not judged": "não julgado",
    "not relevant": "não relevante",
    "nothing that is known": "nada que se saiba",
    "p is corrected for all comparisons of the report together (Holm).": (
        "p é corrigido para todas as comparações do relatório em conjunto (Holm)."
    ),
    "point at a bar, or choose here": "aponte uma barra ou escolha aqui",
    "program": "programa",
    "relevant": "relevante",
    "tied": "empatados",
    "too few topics": "tópicos de menos",
    "won": "ganhos",
    "worse": "pior",
    "{count} document": "{count} documento",
    "{count} documents": "{count} documentos",
    "{count} judgement": "{count} julgamento",
    "{count} judgements": "{count} julgamentos",
    "{count} queries": "{count} consultas",
    "{count} query": "{count} consulta",
    "{count} setting": "{count} definição",
    "{count} settings": "{count} definições",
    "{count} topic": "{count} tópico",
    "{count} topics": "{count} tópicos",
    "{measure} of each system on {collection}": "{measure} de cada sistema em {collection}",
    "{system} less {baseline} on each topic of {collection}, in {measure}": (
        "{system} menos {baseline} em cada tópico de {collection}, em {measure}"
    ),
    "{system} wins {won} topics, loses {lost}, and {tied} are tied.": (
        "{system} ganha {won} tópicos, perde {lost}, e {tied} estão empatados."
    ),
    "System": "Sistema",
    "Change": "Mudança",
    "Date": "Data",
    "Queries, one a line": "Consultas, uma por linha",
    "Begin or go on": "Começar ou continuar",
    "Searching with every system …": "Pesquisando com todos os sistemas …",
    "{judged} of {total} judged": "{judged} de {total} julgados",
    "Relevant": "Relevante",
    "Partly": "Em parte",
    "Not relevant": "Não relevante",
    "Later": "Mais tarde",
    "Take the last one back": "Desfazer o último",
    "Everything is judged, and saved with the library.": "Está tudo julgado e guardado com a biblioteca.",
    "Save the judgements": "Salvar os julgamentos",
}
