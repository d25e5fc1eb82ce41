"""The page's words in Portuguese, by their English. A test compares the keys with what the page says."""

from __future__ import annotations

from pubmed_rag.ui.messages_pt_challenge import CHALLENGE
from pubmed_rag.ui.messages_pt_search import SEARCHING

PORTUGUESE: dict[str, str] = {
    # the frame
    "Language": "Idioma",
    "Page": "Página",
    "Ask": "Perguntar",
    "Search": "Pesquisar",
    "Library": "Biblioteca",
    "Cited answers and search over your own library of {count} article.": (
        "Respostas com citações e pesquisa na sua própria biblioteca de {count} artigo."
    ),
    "Cited answers and search over your own library of {count} articles.": (
        "Respostas com citações e pesquisa na sua própria biblioteca de {count} artigos."
    ),
    "{count} of them is retracted.": "{count} deles foi retratado.",
    "{count} of them are retracted.": "{count} deles foram retratados.",
    "Nothing leaves this machine.": "Nada sai desta máquina.",
    "Details": "Detalhes",
    "Sorry, something went wrong that this page did not expect. Reload it, or try again in a moment.": (
        "Desculpe, aconteceu algo que esta página não esperava. Recarregue-a ou tente de novo daqui a pouco."
    ),
    "The library has no index yet": "A biblioteca ainda não tem índice",
    "The index is damaged": "O índice está danificado",
    "The index does not fit": "O índice não serve",
    "A model is missing": "Falta um modelo",
    "A service does not answer": "Um serviço não responde",
    "The library is being written to": "A biblioteca está sendo alterada",
    # beginning
    "Welcome": "Boas-vindas",
    "Your library is being made. When it is ready, you can ask it questions right here.": (
        "A sua biblioteca está sendo preparada. Quando estiver pronta, pode fazer-lhe perguntas aqui mesmo."
    ),
    "This page answers questions from a library of PubMed articles on your own machine, and shows the sentences every "
    "answer rests on. There are no articles yet. Choose how to begin:": (
        "Esta página responde a perguntas a partir de uma biblioteca de artigos do PubMed na sua própria máquina e "
        "mostra as frases em que cada resposta se apoia. Ainda não há artigos. Escolha como começar:"
    ),
    "Try it with a sample": "Experimente com uma amostra",
    "Real studies on three clinical questions, with summaries in our own words. Ready in about a minute; nothing needs "
    "to be known beforehand.": (
        "Estudos reais sobre três questões clínicas, com resumos em palavras nossas. Fica pronta em cerca de um "
        "minuto; não é preciso saber nada antes."
    ),
    "Use the sample library": "Usar a biblioteca de amostra",
    "From PubMed": "Do PubMed",
    "A PubMed query": "Uma consulta do PubMed",
    "In PubMed's own language, as you would type it there. It is saved, and updates ask it again.": (
        "Na linguagem do próprio PubMed, como a escreveria lá. Fica guardada, e as atualizações voltam a fazê-la."
    ),
    "At most so many articles, the newest first": "No máximo tantos artigos, os mais recentes primeiro",
    "Fetch and add": "Buscar e adicionar",
    "Count first": "Contar primeiro",
    "Asks PubMed how many it finds and how it reads the query; fetches nothing.": (
        "Pergunta ao PubMed quantos encontra e como lê a consulta; não busca nada."
    ),
    "PubMed finds {count} article.": "O PubMed encontra {count} artigo.",
    "PubMed finds {count} articles.": "O PubMed encontra {count} artigos.",
    "To fetch them takes about {time}.": "Buscá-los leva cerca de {time}.",
    "Type a query first.": "Escreva primeiro uma consulta.",
    "From your files": "Dos seus arquivos",
    "PubMed XML, MEDLINE/NBIB, RIS, or lists of PMIDs or DOIs": (
        "XML do PubMed, MEDLINE/NBIB, RIS, ou listas de PMIDs ou DOIs"
    ),
    "Up to {size} MB together; compressed with gzip or not. They are read on this machine and sent nowhere. Articles "
    "that a file only names are fetched from PubMed.": (
        "Até {size} MB no total, comprimidos com gzip ou não. São lidos nesta máquina e não são enviados a lugar "
        "nenhum. Os artigos que um arquivo apenas nomeia são buscados no PubMed."
    ),
    "Add these files": "Adicionar estes arquivos",
    "Choose a file first.": "Escolha primeiro um arquivo.",
    # jobs
    "Adding the sample library": "Adicionando a biblioteca de amostra",
    "Adding articles from PubMed": "Adicionando artigos do PubMed",
    "Adding articles from files": "Adicionando artigos de arquivos",
    "Updating the library": "Atualizando a biblioteca",
    "Updating the index": "Atualizando o índice",
    "Building the index anew": "Refazendo o índice",
    "Switching the index": "Trocando de índice",
    "Checking the index": "Verificando o índice",
    "Searches are in generation {name} from now on.": "De agora em diante, pesquisa-se na geração {name}.",
    "Fetching the models": "Buscando os modelos",
    "Reading files": "Lendo arquivos",
    "Fetching from PubMed": "Buscando no PubMed",
    "Applying bulk files": "Aplicando arquivos em massa",
    "Computing meanings": "Calculando significados",
    "Writing the index": "Gravando o índice",
    "Drawing the map": "Desenhando o mapa",
    "articles": "artigos",
    "records": "registros",
    "files": "arquivos",
    "steps": "passos",
    "bytes": "bytes",
    "Beginning …": "Começando …",
    "Stop": "Parar",
    "What has come in stays; doing the same again continues there.": (
        "O que já entrou fica; fazer o mesmo outra vez continua daí."
    ),
    "Stopping at the next safe point …": "Parando no próximo ponto seguro …",
    "Stopped. What had come in is in the library; doing the same again continues there.": (
        "Parado. O que tinha entrado está na biblioteca; fazer o mesmo outra vez continua daí."
    ),
    "{added} new, {updated} revised, {unchanged} known already, {deleted} deleted.": (
        "{added} novos, {updated} revistos, {unchanged} já conhecidos, {deleted} apagados."
    ),
    "{count} article can be searched.": "{count} artigo pode ser pesquisado.",
    "{count} articles can be searched.": "{count} artigos podem ser pesquisados.",
    "Done.": "Feito.",
    "Hide": "Ocultar",
    "Recent work ({count})": "Trabalhos recentes ({count})",
    "Left out ({count})": "Deixados de fora ({count})",
    "Fetch the models": "Buscar os modelos",
    "Build the index": "Criar o índice",
    "Build the index anew": "Refazer o índice",
    # the library
    "What is in it": "O que contém",
    "Articles": "Artigos",
    "With abstract": "Com resumo",
    "Retracted": "Retratados",
    "Last update": "Última atualização",
    "never": "nunca",
    "Counted in {count} articles drawn by chance.": "Contado em {count} artigos tirados ao acaso.",
    "The records name no years.": "Os registros não indicam anos.",
    "Publication types": "Tipos de publicação",
    "MeSH headings": "Descritores MeSH",
    "Index": "Índice",
    "There is no index yet: articles cannot be searched before it is built.": (
        "Ainda não há índice: os artigos não podem ser pesquisados antes de ele existir."
    ),
    "Build it anew; articles and computed meanings are kept.": (
        "Refaça-o; os artigos e os significados calculados são mantidos."
    ),
    "The index is older than the library: {count} change cannot be found yet.": (
        "O índice é mais antigo que a biblioteca: {count} alteração ainda não pode ser encontrada."
    ),
    "The index is older than the library: {count} changes cannot be found yet.": (
        "O índice é mais antigo que a biblioteca: {count} alterações ainda não podem ser encontradas."
    ),
    "The index holds every article of the library.": "O índice contém todos os artigos da biblioteca.",
    "Update the index": "Atualizar o índice",
    "Costs what has changed.": "Custa o que mudou.",
    "Build it anew": "Refazê-lo",
    "From all articles. The present index serves until the new one is complete.": (
        "A partir de todos os artigos. O índice atual serve até que o novo esteja completo."
    ),
    "Generation {name}": "Geração {name}",
    "Generations kept ({count})": "Gerações guardadas ({count})",
    "An update or a new building keeps the index before it, and you can go back to that here.": (
        "Uma atualização ou um refazer guarda o índice anterior, e aqui pode voltar a ele."
    ),
    "Search in another one": "Pesquisar em outra",
    "Switch …": "Trocar …",
    "From the next search on, every tab searches in {name}, which holds {count} article.": (
        "A partir da próxima pesquisa, todas as abas pesquisam em {name}, que contém {count} artigo."
    ),
    "From the next search on, every tab searches in {name}, which holds {count} articles.": (
        "A partir da próxima pesquisa, todas as abas pesquisam em {name}, que contém {count} artigos."
    ),
    "{count} later change of the library cannot be found in it before it is updated.": (
        "{count} alteração posterior da biblioteca não pode ser encontrada nela antes de ser atualizada."
    ),
    "{count} later changes of the library cannot be found in it before it is updated.": (
        "{count} alterações posteriores da biblioteca não podem ser encontradas nela antes de ser atualizada."
    ),
    "It was made with the model {name}: to search in it by meaning, name that model in the settings "
    "(models.embedder). Search by words needs none.": (
        "Foi feita com o modelo {name}: para pesquisar nela por significado, indique esse modelo nas configurações "
        "(models.embedder). A pesquisa por palavras não precisa de nenhum."
    ),
    "Nothing is deleted, and you can switch back.": "Nada é apagado, e pode voltar atrás.",
    "Switch to {name}": "Trocar para {name}",
    "Leave it as it is": "Deixar como está",
    "Generation": "Geração",
    "Built": "Criada",
    "Changes since": "Alterações desde então",
    "Size": "Tamanho",
    "{count} article": "{count} artigo",
    "{count} articles": "{count} artigos",
    "model {name}": "modelo {name}",
    "Sources": "Fontes",
    "Nothing to ask again: this library was made from files. A PubMed query below adds a source.": (
        "Nada a perguntar de novo: esta biblioteca foi feita de arquivos. Uma consulta do PubMed, abaixo, acrescenta "
        "uma fonte."
    ),
    "asked {moment}": "consultada em {moment}",
    "Update from these sources": "Atualizar a partir destas fontes",
    "Asks each for what is new or revised since last time, then updates the index.": (
        "Pede a cada uma o que é novo ou foi revisto desde a última vez e atualiza o índice."
    ),
    "Add articles": "Adicionar artigos",
    "Articles by year": "Artigos por ano",
    "Year": "Ano",
    # the map
    "Map": "Mapa",
    "A map shows which articles are about the same thing: near ones stand together. It is drawn once for an index; "
    "with some thousand articles that takes about half a minute.": (
        "Um mapa mostra que artigos tratam do mesmo: os próximos ficam juntos. É desenhado uma vez para cada índice; "
        "com alguns milhares de artigos, leva cerca de meio minuto."
    ),
    "Draw the map": "Desenhar o mapa",
    "Draw it anew": "Desenhá-lo de novo",
    "{count} articles, drawn by chance from {all}": "{count} artigos, tirados ao acaso de {all}",
    "This map was drawn for an earlier index and lacks what has come since.": (
        "Este mapa foi desenhado para um índice anterior e não tem o que veio depois."
    ),
    "Colour by": "Colorir por",
    "Group": "Grupo",
    "Groups": "Grupos",
    "Kind of article": "Tipo de artigo",
    "Search first, and the results are lit here.": "Pesquise primeiro, e os resultados são realçados aqui.",
    "Light up {count} result of the last search": "Realçar {count} resultado da última pesquisa",
    "Light up {count} results of the last search": "Realçar {count} resultados da última pesquisa",
    "Map of the articles": "Mapa dos artigos",
    "Choose a point to read its article, a name to see its group alone. Near points are about the same; how far "
    "groups stand apart says little. Ctrl and the wheel zoom.": (
        "Escolha um ponto para ler o artigo, um nome para ver só o seu grupo. Pontos próximos tratam do mesmo; a "
        "distância entre grupos diz pouco. Ctrl e a roda do rato aproximam."
    ),
    "Arrow keys go from article to article, Enter opens one, plus and minus zoom.": (
        "As setas vão de artigo em artigo, Enter abre-o, mais e menos aproximam e afastam."
    ),
    "Zoom in": "Aproximar",
    "Zoom out": "Afastar",
    "Show the whole map": "Mostrar o mapa inteiro",
    "Mixed subjects": "Assuntos diversos",
    "Other articles": "Outros artigos",
    "No year": "Sem ano",
    "The whole library": "A biblioteca inteira",
    "Only what was found last": "Só o que foi encontrado por último",
    "Show": "Mostrar",
    "{count} article found last": "{count} artigo encontrado por último",
    "{count} articles found last": "{count} artigos encontrados por último",
    "Drawing the map of what was found …": "A desenhar o mapa do que foi encontrado …",
    "The map is being drawn; it shows here as soon as it is done.": (
        "O mapa está a ser desenhado; aparece aqui assim que estiver pronto."
    ),
    "There are too few articles for a map yet. Add some on the page Library.": (
        "Ainda há poucos artigos para um mapa. Adicione alguns na página Biblioteca."
    ),
    "half of them since {year}": "metade desde {year}",
    "Search for these words": "Pesquisar estas palavras",
    "Its most typical articles:": "Os seus artigos mais típicos:",
    "choose one": "escolha um",
    **CHALLENGE,
    # asking
    "Your question": "A sua pergunta",
    "Does … reduce … in patients with …?": "… reduz … em pacientes com …?",
    "Type a question first, or choose one of the examples.": "Escreva uma pergunta ou escolha um dos exemplos.",
    "Questions that this library may answer:": "Perguntas a que esta biblioteca talvez responda:",
    "How to answer": "Como responder",
    "Articles to read": "Artigos a ler",
    "How many of the best matching articles are searched for evidence. More finds more views and takes longer.": (
        "Em quantos dos artigos mais próximos se procuram evidências. Com mais, encontram-se mais pontos de vista e "
        "demora-se mais."
    ),
    "Temperature": "Temperatura",
    "How freely the model chooses its words. At 0 it always takes the likeliest word, and the same question gets the "
    "same answer. Higher is more varied and more often wrong; every sentence is checked all the same.": (
        "Com que liberdade o modelo escolhe as palavras. Com 0, toma sempre a palavra mais provável, e a mesma "
        "pergunta recebe a mesma resposta. Mais alto é mais variado e erra mais; cada frase é verificada da mesma "
        "forma."
    ),
    "Seed": "Semente",
    "Where chance starts when the temperature is above 0. The same seed gives the same answer again; another seed "
    "gives another try.": (
        "De onde parte o acaso quando a temperatura é maior que 0. A mesma semente dá de novo a mesma resposta; outra "
        "semente dá outra tentativa."
    ),
    "Written for": "Escrita para",
    "written for: {reader}": "escrita para: {reader}",
    "Anybody": "Qualquer pessoa",
    "Lay people": "Leigos",
    "Experts": "Especialistas",
    "**Lay people** get findings before figures, and terms in plain words. **Experts** get figures first, and each "
    "study's design, size and effect. What is added comes from the abstracts, MeSH and a list of our own, not from the "
    "model.": (
        "**Leigos** recebem os achados antes dos números, e os termos em palavras simples. **Especialistas** recebem "
        "primeiro os números, e o desenho, o tamanho e o efeito de cada estudo. O que se acrescenta vem dos resumos, "
        "do MeSH e de uma lista nossa, não do modelo."
    ),
    "Language of the answer": "Idioma da resposta",
    "that of the question, where the model writes it": "o da pergunta, se o modelo o escreve",
    "Every sentence is checked in English, and then put into this language by the model where figures and citations "
    "survive it. The English stands below. Small models do this badly.": (
        "Cada frase é verificada em inglês e depois passada para este idioma pelo modelo, se os números e as citações "
        "resistem. O inglês fica por baixo. Modelos pequenos fazem isto mal."
    ),
    "Checked in English": "Verificado em inglês",
    "In plain words": "Em palavras simples",
    "The studies in figures": "Os estudos em números",
    "Abbreviations": "Abreviaturas",
    "Model": "Modelo",
    "Which language model words the answer. Larger ones write better and take longer. 'pubmed-rag models list' shows "
    "what can be fetched.": (
        "Que modelo de linguagem redige a resposta. Os maiores escrevem melhor e demoram mais. 'pubmed-rag models "
        "list' mostra o que pode ser buscado."
    ),
    "Questions and the sentences found go to {address}, as your settings say.": (
        "As perguntas e as frases encontradas vão para {address}, como dizem as suas configurações."
    ),
    "Waiting: {count} question is answered first": "À espera: {count} pergunta é respondida antes",
    "Waiting: {count} questions are answered first": "À espera: {count} perguntas são respondidas antes",
    "Starting": "Começando",
    "Understanding the question": "Entendendo a pergunta",
    "Asked as": "Perguntado assim",
    "This answer was not completed.": "Esta resposta não foi concluída.",
    "Ask a follow-up": "Pergunte mais",
    "And in children?": "E em crianças?",
    "It is understood together with the question above, and shown as it was asked. For something else begin a new "
    "question.": (
        "É entendida em conjunto com a pergunta acima, e mostra-se como foi feita. Para outro assunto, comece uma "
        "nova pergunta."
    ),
    "Ask on": "Perguntar mais",
    "New question": "Nova pergunta",
    "Forget": "Esquecer",
    "Deletes this answer from the library's folder.": "Apaga esta resposta da pasta da biblioteca.",
    "Searching the library": "Pesquisando na biblioteca",
    "Loading the model": "Carregando o modelo",
    "Reading {sentences} sentences of {articles} articles": "Lendo {sentences} frases de {articles} artigos",
    "Checking every sentence": "Verificando cada frase",
    "Stopping: completing what stands": "Parando: completando o que há",
    "Took {time}": "Levou {time}",
    "Stopped after {time}": "Parado após {time}",
    "temperature": "temperatura",
    "seed": "semente",
    "What the model wrote that did not hold ({count})": "O que o modelo escreveu e não se sustentou ({count})",
    "Nearest articles": "Artigos mais próximos",
    "Asked before": "Perguntado antes",
    "Answers kept": "Respostas guardadas",
    "Find by words": "Encontrar por palavras",
    "all answers": "todas as respostas",
    "No kept answer has these words.": "Nenhuma resposta guardada tem estas palavras.",
    "No answer has been kept yet.": "Ainda não há respostas guardadas.",
    "The latest {count}. They lie in the library's folder and nowhere else.": (
        "As últimas {count}. Ficam na pasta da biblioteca e em nenhum outro lugar."
    ),
    "Copy or save": "Copiar ou salvar",
    "Save as Markdown": "Salvar como Markdown",
    "Format": "Formato",
    "Save {count} as a file": "Salvar {count} em arquivo",
    "How the studies divide": "Como os estudos se dividem",
    "{count} study says yes": "{count} estudo diz que sim",
    "{count} studies say yes": "{count} estudos dizem que sim",
    "{count} study is unclear": "{count} estudo não é claro",
    "{count} studies are unclear": "{count} estudos não são claros",
    "{count} study says no": "{count} estudo diz que não",
    "{count} studies say no": "{count} estudos dizem que não",
    "Together: yes": "Em conjunto: sim",
    "Together: no": "Em conjunto: não",
    "Together: maybe": "Em conjunto: talvez",
    "{share} likely": "{share} provável",
    "Study": "Estudo",
    "Design": "Desenho",
    "Participants": "Participantes",
    "Population": "População",
    "Effect as stated": "Efeito, como declarado",
    "The studies side by side": "Os estudos lado a lado",
    "Read from the abstracts; what is not plainly stated stays blank.": (
        "Lido dos resumos; o que não é declarado claramente fica em branco."
    ),
    # articles
    "Source {number}": "Fonte {number}",
    "Quotation": "Citação literal",
    "The model's own sentence, checked": "Frase do próprio modelo, verificada",
    "Opens the abstract.": "Abre o resumo.",
    "Close": "Fechar",
    "This article is no longer in the library. The sentence cited was:": (
        "Este artigo já não está na biblioteca. A frase citada era:"
    ),
    "Year and journal unknown": "Ano e revista desconhecidos",
    "Retracted: the journal has withdrawn this paper. Do not rely on it.": (
        "Retratado: a revista retirou este artigo. Não confie nele."
    ),
    "The journal has expressed concern about this paper. Read its notice before you rely on it.": (
        "A revista manifestou preocupação com este artigo. Leia o aviso antes de confiar nele."
    ),
    "A paper about which its journal has expressed concern was not used as evidence:": (
        "Um artigo sobre o qual a revista manifestou preocupação não foi usado como evidência:"
    ),
    "Papers about which their journals have expressed concern were not used as evidence:": (
        "Artigos sobre os quais as revistas manifestaram preocupação não foram usados como evidência:"
    ),
    "This text is a summary written for the sample library, not the published abstract.": (
        "Este texto é um resumo escrito para a biblioteca de amostra, não o resumo publicado."
    ),
    "There is no abstract for this article.": "Este artigo não tem resumo.",
    "This article has left the library since it was indexed.": "Este artigo saiu da biblioteca depois de indexado.",
    "Abstract": "Resumo",
    "Abstract, with the sentences cited": "Resumo, com as frases citadas",
    "A retracted paper would have ranked here. It was not used as evidence:": (
        "Um artigo retratado estaria entre os resultados. Não foi usado como evidência:"
    ),
    "Retracted papers would have ranked here. They were not used as evidence:": (
        "Artigos retratados estariam entre os resultados. Não foram usados como evidência:"
    ),
    "Left out": "Deixado de fora",
    **SEARCHING,
}
