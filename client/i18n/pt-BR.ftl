# Os textos do cliente em português do Brasil. As chaves são as mesmas de en.ftl.

first-title = Cliente E-mail Service BSI Online
first-server = Apontar Servidor
first-register = Cadastrar Conta
first-login = Acessar E-mail
first-recover = Definir Senha Esquecida com um Código
first-quit = Sair
needs-server = aponte um servidor primeiro

server-address = Endereço do servidor
server-port = Porta
server-connecting = Conectando a { $address }…
server-available = Serviço Disponível
server-details = { $name } { $version }, { $milliseconds } ms
server-unavailable = Serviço Indisponível: { $reason }

register-invite = Convite
register-closed = Este servidor não aceita cadastros.
invite-form = um convite tem oito grupos de quatro letras e algarismos
needs-invite = este servidor só aceita cadastros com convite: informe-o com --invite
register-full-name = Nome completo
register-username = Nome de usuário (único, sem espaços)
register-password = Senha (mínimo de 8 caracteres)
register-password-again = Repita a senha
register-passwords-differ = As senhas não são iguais.
register-working = Cadastrando…
register-done = Conta { $username } cadastrada.
register-invite-refused = o servidor não aceita este convite: já foi usado, expirou ou é de outro servidor. Peça outro ao operador do servidor
register-failed = Falha no cadastro: { $reason }
register-retry = Tentar de novo com os mesmos dados?
register-taken = O nome de usuário { $username } já existe; escolha outro.

login-username = Nome de usuário
login-password = Senha
login-working = Entrando…
login-rate-limited = muitos acessos a partir deste endereço de rede falharam; por enquanto o servidor recusa outros, mesmo com a senha certa. Tente de novo em { $wait }, ou peça ao operador do servidor que encerre a espera (correiod unblock)
recover-rate-limited = muitos acessos ou códigos a partir deste endereço de rede falharam; por enquanto o servidor recusa outros, mesmo com o código certo. Tente de novo em { $wait }, ou peça ao operador do servidor que encerre a espera (correiod unblock)
login-failed = Falha no acesso: { $reason }
login-app-password = isto parece uma senha de aplicativo, que só serve para outros programas de e-mail: digite a senha da conta
login-forgotten = Esqueceu? O operador deste servidor pode lhe dar um código: a opção 4 define uma senha nova com ele.

recover-code = Código do operador
recover-code-form = um código tem quatro grupos de quatro letras e dígitos
recover-done = A senha de { $username } está definida.
recover-failed = A senha não foi definida: { $reason }
recover-wrong = usuário desconhecido, ou código errado, vencido ou já usado. Se uma resposta se perdeu antes, tente acessar com a senha nova.
recover-off = este servidor não define senhas com códigos: fale com o operador
recover-unreadable = o código em { $path } não pode ser lido: { $reason }
needs-code = não há terminal para perguntar o código: indique um arquivo com ele por --code-file (- é a entrada padrão)

home-title = Seja Bem Vindo { $name }
home-send = Enviar E-mail
home-receive = Receber E-mails
home-logout = Logout
home-local = E-mails já recebidos
home-drafts = Rascunhos ({ $count })
home-account = Minha conta
home-sent = E-mails enviados
home-search = Procurar e-mails
home-new-mail = Novo e-mail de { $from }: { $subject }
home-waiting = { $count ->
    [one] Há 1 e-mail esperando no servidor.
   *[other] Há { $count } e-mails esperando no servidor.
}
home-stopping = O servidor avisou que vai parar; a conexão é refeita quando ele voltar.
mailbox-usage = { $count ->
    [one] { $mails } de { $count } e-mail, { $bytes } de { $bytes_max } ({ $percent } %)
   *[other] { $mails } de { $count } e-mails, { $bytes } de { $bytes_max } ({ $percent } %)
}
mailbox-nearly-full = A caixa de correio no servidor está { $percent } % cheia: receba os e-mails, ou em breve ela não aceitará mais nenhum.
wait-reconnecting = O servidor não responde; reconectando. Ctrl-C cancela.
wait-stopping = O servidor avisou que vai parar; reconectando. Ctrl-C cancela.
session-ended = A sessão terminou; entre de novo.
logout-done = Até logo, { $name }.

send-to = Destinatário (vários, separados por vírgula)
send-draft-offer = Há um rascunho para { $to }: "{ $subject }". Enter sem nada continua com ele.
send-subject = Assunto
send-body = Corpo (termine com uma linha que só tenha um ponto; uma linha só de pontos leva um ponto a mais):
send-body-editor = (Ctrl-D também termina; Ctrl-X abre { $editor }, Ctrl-T anexa um arquivo)
send-editor-failed = O editor { $editor } falhou: { $reason }
send-working = Enviando…
send-done = E-mail enviado com sucesso
send-unknown = Destinatário Inexistente
send-failed = Falha no envio do email: { $reason }
send-cancelled = O envio foi cancelado; o e-mail pode ter chegado mesmo assim. Enviar o rascunho de novo não faz dois dele.
send-cancelled-unsent = O envio foi cancelado antes de o e-mail ser enviado.
send-unknown-names = Não existe: { $names }
send-kept = O e-mail foi guardado como rascunho: continue com a opção 4 ou 8.
send-leave = O que fazer com o e-mail?
send-leave-keep = Guardar como rascunho
send-leave-discard = Descartar
send-discarded = E-mail descartado.
send-not-kept = O rascunho não pôde ser guardado: { $reason }

receive-working = Recebendo E-mails…
receive-count = { $count ->
    [one] { $shown } e-mail recebido:
   *[other] { $shown } e-mails recebidos:
}
receive-none = 00 e-mails recebidos
receive-choose = Qual e-mail deseja ler:
receive-choose-hint = (0 volta)
receive-progress = { $count ->
    [one] { $count } e-mail…
   *[other] { $count } e-mails…
}
receive-failed = Falha no recebimento: { $reason }
receive-saved = O que já tinha sido recebido está guardado em { $directory }.
receive-damaged = o e-mail { $subject } de { $from } não chegou como foi enviado. Ele continua no servidor e será buscado de novo no próximo recebimento. Se nunca chegar inteiro, correio receive --delete-damaged o apaga de lá.
receive-damaged-deleted = o e-mail { $subject } de { $from } não chegou como foi enviado e foi apagado do servidor.
choice-unknown = Não há a opção { $choice }.

mail-from = De
mail-to = Para
mail-date = Data
mail-subject = Assunto
mail-id = Identificação
mail-replaced = (Partes deste texto não são UTF-8 e aparecem como �. No arquivo elas estão como chegaram.)
mail-more = -- Enter continua, Esc volta --
mail-end = -- (FIM) Enter ou Esc volta, PgUp sobe --
mail-keys = -- r responde, a responde a todos, f encaminha, s salva anexos, d apaga --
    -- i importante, n próximo, p anterior, v fonte, Enter volta à lista --
mail-keys-end = -- r responde, a responde a todos, f encaminha, s salva anexos, d apaga --
    -- (FIM) i importante, n próximo, p anterior, v fonte, Enter volta à lista --
mail-attachment = Anexo [{ $number }]: { $name } ({ $type }, { $size })
mail-attachment-damaged = Anexo [{ $number }]: { $name } ({ $type }, { $size }, danificado)
mail-unnamed = sem nome
mail-more-parts = { $count ->
    [one] (Esta mensagem tem mais { $count } parte, que não está na lista. No arquivo ela está como chegou.)
   *[other] (Esta mensagem tem mais { $count } partes, que não estão na lista. No arquivo elas estão como chegaram.)
}
mail-html = (Este texto foi feito de HTML: disposição e imagens ficaram de fora.)
mail-no-text = (Esta mensagem não tem texto.)
mail-text-cut = (Este texto é mais longo do que o mostrado. No arquivo ele está inteiro.)
mail-characters-replaced = (Alguns caracteres deste texto não puderam ser lidos e aparecem como �.)
mail-other-author = ATENÇÃO: esta mensagem diz ter outro autor: { $from }. Quem enviou é quem está acima.
mail-source = O arquivo { $path }:
mail-source-cut = O primeiro MiB do arquivo { $path }:
mail-no-next = Este é o último e-mail da lista.
mail-no-previous = Este é o primeiro e-mail da lista.
mail-delete-sure = Apagar este e-mail neste computador?
mail-important = O e-mail está marcado como importante.
mail-not-important = O e-mail não está mais marcado como importante.
reply-attribution = Em { $date }, { $name } escreveu:
forward-title = E-mail encaminhado
forward-working = Anexando os arquivos do e-mail…
send-no-thread = Este servidor não aceita conversas: o e-mail foi enviado como texto simples.
attachment-name = anexo
attach-question = Arquivo a anexar (nenhum se vazio, -1 retira o primeiro)
attach-line = Anexado [{ $number }]: { $name } ({ $size })
attach-removed = Retirado [{ $number }]: { $name } ({ $size })
attach-no-such = não há anexo { $number }
file-not-found = o arquivo ou o diretório não existe
file-not-allowed = sem permissão
file-not-regular = não é um arquivo
file-no-room = o disco está cheio
attach-unreadable = { $path } não pode ser anexado: { $reason }
attach-changed = { $path } mudou desde que foi anexado; anexe de novo
attach-too-many = no máximo { $max } arquivos podem ser anexados
attach-too-large = com os anexos o e-mail teria { $size }; no máximo { $max } podem ser enviados
attach-not-made = o e-mail não pôde ser montado: { $reason }
save-which = Anexos a salvar (números com vírgulas; Enter salva todos)
save-where = Diretório
save-no-directory = { $path } não é um diretório
save-none = Este e-mail não tem anexos.
save-no-attachments = o e-mail não tem anexos
save-working = Salvando…
save-done = Salvo: { $path }
save-failed = { $path } não pôde ser salvo: { $reason }
save-too-many = { $path }: há arquivos demais com este nome
local-title = E-mails guardados neste computador, em { $directory }:
local-empty = Não há e-mails guardados neste computador.
local-listing = Lendo os nomes dos remetentes…
local-gone = o e-mail não está mais aqui
sent-title = E-mails enviados guardados neste computador, em { $directory }:
sent-empty = Não há e-mails enviados guardados neste computador.
sent-to = Para { $names }
sent-not-kept = O e-mail foi enviado, mas não foi possível guardar uma cópia neste computador: { $reason }
search-question = Palavras a procurar
search-working = Procurando…
search-none = Nenhum e-mail encontrado.
search-count = { $count ->
    [one] 1 e-mail encontrado:
   *[other] { $count } e-mails encontrados:
}
search-more = São mostrados os { $shown } mais novos de { $count } e-mails.
search-no-words = não há palavras a procurar
search-too-long = são procuradas no máximo 32 palavras, de 1000 bytes ao todo
list-page = { $count ->
    [one] Página { $page } de { $pages }; { $count } e-mail
   *[other] Página { $page } de { $pages }; { $count } e-mails
}
list-no-page = não há a página { $page }; a última é a { $pages }
delete-done = { $count ->
    [one] E-mail apagado neste computador.
   *[other] { $count } e-mails apagados neste computador.
}
mark-done = { $count ->
    [one] E-mail marcado.
   *[other] { $count } e-mails marcados.
}
mark-nothing = diga como marcar: --important, --not-important, --read ou --unread
local-skipped = { $path } fica de fora: { $reason }
mailbox-not-synced = { $path }: este sistema de arquivos não confirma que os e-mails estão no disco ({ $reason }). Depois de uma queda de energia, pode faltar o que foi recebido pouco antes.
mailbox-not-marked = { $path }: este sistema de arquivos não consegue marcar e-mails como lidos ({ $reason }). O e-mail está guardado e volta a aparecer como novo.

stranger = (desconhecido)
mail-stranger = Atenção: { $from } não está na sua agenda, e você nunca lhe escreveu. O nome é parecido com o de { $known }, que você conhece.

completion-keys = Tab e as setas escolhem, Enter aceita, Esc fecha
completion-searching = Procurando no catálogo do servidor…
completion-more = Há mais pessoas com isto no nome: digite mais um pouco
completion-none = Ninguém é conhecido por este nome.
completion-more-files = Há mais nomes que começam assim: digite mais um pouco
completion-no-file = Nenhum arquivo tem este nome.

nickname-line = { $nickname }: { $people }
nickname-none = A agenda está vazia.
nickname-removed = { $nickname } foi tirado da agenda.
nickname-unknown = a agenda não tem { $nickname }
nickname-empty = um apelido não pode ser vazio
nickname-too-long = um apelido pode ter no máximo { $limit } caracteres
nickname-character = um apelido tem letras, dígitos, pontos, sublinhados e hífens, e não pode conter { $character }
address-book-io = não foi possível usar a agenda { $path }: { $reason }
address-book-line = a linha { $line } da agenda { $path } não é “APELIDO USUÁRIO NOME COMPLETO” (o nome completo pode faltar): corrija ou apague a linha. Nada foi alterado.
address-book-full = a agenda { $path } pode ter no máximo 5.000 entradas: apague as que não são necessárias
address-book-too-many = { $nickname } pode indicar no máximo 100 pessoas
address-book-locked = outro programa mantém { $path } travado: tente de novo, ou encerre esse programa

drafts-title = Rascunhos
drafts-empty = Não há rascunhos.
drafts-listing = Lendo os rascunhos…
drafts-opening = Abrindo o rascunho…
drafts-back = Voltar
draft-send = Enviar
draft-edit = Alterar
draft-delete = Apagar
draft-attachments = { $count ->
    [one] (1 anexo)
   *[other] ({ $count } anexos)
}
draft-deleted = Rascunho apagado.

account-title = Minha conta
account-usage = No momento do acesso: { $used }
account-name = Mudar o nome completo
account-password = Mudar a senha
account-delete = Apagar a conta
account-app-passwords = Senhas de aplicativo, para outros programas de e-mail
account-back = Voltar
account-current = Senha atual
account-new = Senha nova (mínimo de 8 caracteres)
account-working = Alterando…
account-done = Alteração feita.
account-failed = Falha na alteração: { $reason }
account-delete-sure = Apagar a conta { $username } e os e-mails dela no servidor?
account-deleted = Conta { $username } apagada.
app-password-title = Senhas de aplicativo
app-password-create = Criar uma senha de aplicativo
app-password-revoke = Revogar uma senha de aplicativo
app-password-label = Rótulo da senha de aplicativo (por exemplo: telefone)
app-password-which = Senha de aplicativo a revogar (rótulo ou número)
app-password-working = Consultando o servidor…
app-password-made = Senha de aplicativo para { $label }: { $password }
app-password-use = No programa de e-mail, entre como { $username } e digite a senha de aplicativo no lugar da senha. A senha de aplicativo não será mostrada de novo.
app-password-none = Não há senhas de aplicativo.
app-password-line = { $label } (número { $id }): criada em { $made }; { $used }
app-password-used = último uso em { $day }, de { $from }
app-password-unused = nunca usada
app-password-revoked = Senha de aplicativo { $label } revogada. O programa que a tinha não entra mais.
app-passwords-revoked = { $count ->
    [one] 1 senha de aplicativo foi revogada: o programa de e-mail que a usava precisa de uma nova.
   *[other] { $count } senhas de aplicativo foram revogadas: os programas de e-mail que as usavam precisam de novas.
}
app-passwords-may-be-revoked = As senhas de aplicativo, se havia alguma, foram revogadas: os programas de e-mail precisam de novas.
app-password-unknown = não há senha de aplicativo { $name }
app-password-off = este servidor não tem senhas de aplicativo

prompt-choice = Opção
prompt-yes = s
prompt-yes-no = (s/n)
unavailable = indisponível: { $reason }
interrupted = interrompido

field-username = o nome de usuário
field-full-name = o nome completo
field-subject = o assunto
field-body = o corpo
field-message = a mensagem
field-content = o conteúdo
field-piece = o pedaço
field-mail-id = a identificação do e-mail
field-recipients = a lista de destinatários
field-password = a senha
field-query = a parte de um nome
field-label = o rótulo
field-title = o título
field-software = o nome do programa
problem-empty = { $field } não pode ficar em branco
problem-too-short = { $field } precisa ter no mínimo { $limit }
problem-too-long = { $field } pode ter no máximo { $limit }
problem-character = { $field } não pode conter { $character }: { $allowed }
problem-start = { $field } não pode começar com { $character }: { $allowed }
problem-form = { $field } não tem a forma certa: { $allowed }
unit-characters = { $count ->
    [one] { $count } caractere
   *[other] { $count } caracteres
}
unit-bytes = { $count ->
    [one] { $count } byte
   *[other] { $count } bytes
}
unit-seconds = { $count ->
    [one] { $count } segundo
   *[other] { $count } segundos
}
unit-minutes = { $count ->
    [one] { $count } minuto
   *[other] { $count } minutos
}
unit-hours = { $count ->
    [one] { $count } hora
   *[other] { $count } horas
}
unit-recipients = { $count ->
    [one] { $count } nome de usuário
   *[other] { $count } nomes de usuário
}
username-with-domain = um nome de usuário não tem @: escreva só o nome, por exemplo tony no lugar de tony@mail.example.org
allowed-username = um nome de usuário tem letras de a até z sem acento, algarismos, pontos, sublinhados e hífens, e começa com uma letra ou um algarismo
allowed-line = é uma linha só, sem caracteres de controle
allowed-text = é texto Unicode
allowed-mail-id = é um UUID da versão 7

address-empty = escreva um nome, um endereço IPv4 ou um endereço IPv6
address-host = { $text } não é um nome nem um endereço IP
address-port = { $text } não é uma porta (1 a 65535)

connect-name-not-found = o nome { $host } não foi encontrado
connect-refused = a conexão foi recusada; há um servidor nesta porta?
connect-timed-out = ninguém respondeu a tempo
connect-not-correio = quem respondeu não é um servidor correio
connect-no-tls = o servidor não fala TLS 1.3; um de laboratório pode querer --plaintext
connect-tls = o TLS falhou: { $detail }
connect-other-version = o servidor fala outra versão do protocolo ({ $versions })
connect-busy = o servidor está lotado; tente de novo em { $wait }
connect-cancelled = cancelado
connect-io = { $detail }

request-timed-out = o servidor não respondeu a tempo
request-cancelled = cancelado
request-session-ended = a sessão terminou; entre de novo
request-other-servers-realm = o servidor diz que guarda os e-mails de { $keeper }, conhecido como outro servidor; alguém pode estar se passando por ele. Nada foi enviado. Se os dois são o mesmo servidor, aceite antes o certificado atual de { $keeper }: correio trust { $keeper }
request-too-large = o e-mail tem { $size } e passa do limite do servidor, de { $limit }
request-no-messages = o servidor não aceita e-mails com anexos
request-answer = o servidor mandou uma resposta sem sentido ({ $reason })
request-overloaded = há pedidos demais em andamento
request-closed = a conexão foi fechada
receive-page = o servidor mandou uma página sem sentido ({ $reason })

error-bad_credentials = usuário desconhecido ou senha errada
error-username_taken = o nome de usuário já existe
error-unknown_recipient = destinatário inexistente: { $names }
error-mailbox_full = a caixa de correio está cheia: { $names }
error-too_large = grande demais para o servidor
error-invalid = o servidor não aceita: { $text }
error-not_authenticated = é preciso entrar primeiro
error-not_allowed = o servidor não permite: { $text }
error-busy = o servidor está ocupado; tente de novo em { $wait }
error-rate_limited = pedidos demais em pouco tempo; tente de novo em { $wait }
error-conflict = outro e-mail já foi enviado com esta identificação
error-incomplete = o servidor não tem mais o conteúdo inteiro; envie o e-mail de novo
error-no_such_mail = o e-mail não está mais no servidor
error-no_such_list = não há lista com este nome
error-disabled = o operador deste servidor desativou esta conta
error-may_not_send = a lista não aceita e-mail desta conta: { $names }
error-list_full = uma lista, e todas as listas de um e-mail juntas, têm no máximo 10.000 membros, e uma conta cria no máximo 200 listas
error-label_taken = outra senha de aplicativo já tem este rótulo
error-app_passwords_full = uma conta tem no máximo 20 senhas de aplicativo: revogue uma antes
error-unavailable = o servidor não conseguiu agora; tente de novo
error-protocol = o servidor não entendeu: { $text }
error-version = o servidor fala outra versão do protocolo
error-other = { $text }

trust-offer = Nenhuma autoridade conhecida responde pelo certificado de { $address }: { $doubt }.
    A impressão digital dele é
    { $found }
    Compare com a que o servidor mostra ao iniciar (correiod fingerprint --data-dir DIR).
trust-question = É a mesma, e você confia neste servidor?
trust-unknown = o certificado de { $address } não é de confiança: { $doubt }. A impressão digital dele é
    { $found }
    Compare com a que o servidor mostra (correiod fingerprint --data-dir DIR) e, se for a mesma, digite:
    correio trust { $address }
trust-changed = O CERTIFICADO DE { $address } MUDOU. Alguém pode estar se passando por este servidor. Nada foi enviado.
    esperado: { $expected }
    encontrado: { $found }
    Se quem cuida do servidor disser que este é o certificado novo, digite: correio trust { $address }
trust-no-longer-vouched = UMA AUTORIDADE PÚBLICA RESPONDIA POR { $address }, e nenhuma responde pelo certificado que ele mostra agora: { $doubt }. Alguém pode estar se passando por este servidor. Nada foi enviado.
    encontrado: { $found }
    Se quem cuida do servidor disser que este é o certificado novo, digite: correio trust { $address }
trust-no-longer-vouched-offer = UMA AUTORIDADE PÚBLICA RESPONDIA POR { $address }, e nenhuma responde pelo certificado que ele mostra agora: { $doubt }. Alguém pode estar se passando por este servidor. Nada foi enviado.
    mostrado agora:
    { $found }
    Aceite-o só se quem cuida do servidor disser que há um novo, e se a impressão digital for a que o servidor mostra agora (correiod fingerprint --data-dir DIR).
trust-accepted = O certificado de { $address } foi aceito.
trust-vouched = Autoridades públicas respondem pelo certificado de { $address }; não há o que aceitar.
trust-forgotten = O certificado de { $address } foi esquecido; o próximo contato volta a ser um primeiro contato.
trust-not-known = Nenhum certificado de { $address } tinha sido aceito.
trust-none = Nenhum certificado foi aceito.
trust-known = O certificado de { $address } já tinha sido aceito; nada mudou.
trust-not-accepted = O certificado de { $address } não foi aceito; nada mudou.
trust-changed-offer = O CERTIFICADO DE { $address } MUDOU. Alguém pode estar se passando por este servidor. Nada foi enviado.
    aceito antes:
    { $expected }
    mostrado agora:
    { $found }
    Aceite-o só se quem cuida do servidor disser que há um novo, e se a impressão digital for a que o servidor mostra agora (correiod fingerprint --data-dir DIR).
trust-nobody-to-ask = Não há terminal onde perguntar. Se for a mesma, digite: correio trust { $address } --fingerprint { $found }
trust-other-than-stated = { $address } não mostra o certificado que --fingerprint ou CORREIO_FINGERPRINT informa. Alguém pode estar se passando por este servidor. Nada foi enviado.
    informado: { $expected }
    encontrado: { $found }
doubt-unknown-issuer = ele assina a si mesmo, ou ninguém conhecido o assinou
doubt-expired = ele venceu, ou o relógio deste computador está errado
doubt-not-yet-valid = ele ainda não é válido, ou o relógio deste computador está errado
doubt-other-name = ele é o certificado de outro nome
known-servers-error = o arquivo de servidores conhecidos: { $reason }

mailbox-error = a caixa de correio neste computador: { $reason }
no-such-mail = não há o e-mail número { $number }
locked = outro cliente está recebendo e-mails desta conta
needs-server-option = diga o servidor com --server ou CORREIO_SERVER
needs-user-option = diga o usuário com --user ou CORREIO_USER
list-set-nothing = diga o que mudar: --title, --senders ou os dois
list-created = Lista { $name } criada.
list-set = Lista { $name } alterada.
list-added = Lista { $name }: membros acrescentados.
list-removed = Lista { $name }: membros retirados.
list-deleted = Lista { $name } apagada.
list-none = A conta não está em nenhuma lista.
list-no-account = não há conta: { $names }. Os membros de uma lista são contas; uma lista não pode estar em outra. Nada foi alterado
list-create-not-allowed = este servidor não deixa ninguém criar listas: só quem o administra pode ativar isso
list-change-not-allowed = só um dono pode alterar uma lista, e uma lista mantém ao menos um dono
list-remove-not-allowed = ninguém foi removido. Só um dono pode remover outros; para sair como o último dono, primeiro faça outro (correio list add LISTA NOME --owner); ninguém sai da lista de todas as contas
list-delete-not-allowed = só um dono pode apagar uma lista, e a lista de todas as contas fica
list-line = { $name }: { $title } (membros: { $members }; { $role }; { $senders })
list-member = { $username }: { $full_name }
list-owner = { $username }: { $full_name } (dono)
list-members-more = … e mais
list-role-owner = a conta é dona
list-role-member = a conta é membro
list-role-none = a conta não é membro
list-senders-owners = donos podem enviar
list-senders-members = membros podem enviar
list-senders-everybody = todos podem enviar
needs-signature = não há assinatura: defina-a com correio config set signature TEXTO
password-command-failed = o comando da senha falhou: { $reason }
password-command-silent = ele não escreveu nada
config-line = { $path }, linha { $line }: { $reason }
config-not-regular = o arquivo de configuração não é um arquivo comum
config-too-large = o arquivo de configuração tem mais de 64 KiB
config-not-utf8 = o arquivo de configuração não é texto UTF-8
config-unknown-key = não há a configuração { $key }; há { $keys }
config-not-text = o valor de { $key } precisa ser um texto entre aspas
config-language = a língua é pt ou en
config-command = um comando é uma linha que não está vazia
config-signature = uma assinatura é texto, sem caracteres de controle
config-writable-by-others = o arquivo indica um comando que o correio executaria, e outra pessoa pode mudá-lo. Use: chmod go-w { $path }
config-no-home = não há diretório pessoal onde ficaria o arquivo de configuração
config-empty = Nada está configurado em { $path }.
config-set = { $key } configurado.
config-unset = { $key } removido.
config-not-set = { $key } não está configurado.
watch-exec-failed = o comando para o e-mail [{ $number }] falhou: { $reason }
watch-gone = o e-mail { $subject } de { $from } não está mais aqui; o comando não foi executado para ele.
watch-not-marked = o e-mail { $subject } de { $from } não pode ser marcado como entregue; por isso o comando não foi executado para ele. Ele continua novo.
watch-no-notification = As notificações da área de trabalho não funcionam ({ $reason }); o resto continua.
man-more = MAIS
needs-password = não há terminal onde perguntar a senha: defina CORREIO_PASSWORD ou --password-command, ou dê a senha na primeira linha da entrada padrão com --password-stdin
password-stdin-empty = a primeira linha da entrada padrão, que --password-stdin toma como a senha, está vazia
body-not-text = o corpo não é texto UTF-8 a partir da linha { $line }; nada foi enviado. Para um texto em Latin-1, por exemplo: iconv -f LATIN1 -t UTF-8 ARQUIVO | correio send … Um arquivo que não é texto vai com --attach.
body-unreadable = não foi possível ler { $path }: { $reason }
body-changed = { $path } mudou durante o envio; nada foi enviado. Envie de novo quando o arquivo parar de mudar.
password-not-text = a senha não é texto UTF-8
password-byte-order-mark = Uma marca de ordem de bytes (BOM) antes da senha foi descartada.
clock-before-1970 = o relógio deste computador está antes de 1970; acerte-o e tente de novo
command-body = Corpo (termine com Ctrl-D, ou com uma linha que só tenha um ponto; Ctrl-X abre um editor, Ctrl-T anexa um arquivo):
command-sent = E-mail enviado com sucesso
find-none = O catálogo não encontra ninguém com esse texto.
find-more = Há mais pessoas: um texto maior encontra menos.
find-off = este servidor não mostra catálogo: só quem o administra pode ativá-lo
command-registered = Conta { $username } cadastrada.
command-recovered = A senha de { $username } está definida. Agora: correio --server { $address } --user { $username } status
status-server = Servidor: { $address }, { $name } { $version }
status-account = Conta: { $name }; e-mails esperando: { $waiting }
status-mailbox = Caixa de correio no servidor: { $used }
status-registration-open = Cadastro: aberto
status-registration-invite = Cadastro: por convite
status-registration-closed = Cadastro: fechado
status-capabilities = Capacidades: { $names }
status-fingerprint = Confiança: o certificado aceito { $fingerprint }
status-authorities = Confiança: um certificado de uma autoridade pública
status-plaintext = Confiança: nenhuma, sem TLS
status-local = Neste computador: recebidos { $received } (não lidos { $unread }), enviados { $sent }, rascunhos { $drafts }
command-available = Serviço Disponível: { $name } { $version } em { $address }, { $milliseconds } ms
command-draft = O e-mail foi guardado como rascunho, que os menus oferecem: { $file }

login-password-of = Senha de { $username } (Esc troca o usuário)
home-new-mails = { $count } e-mails novos; o último é de { $from }: { $subject }
send-body-no-editor = (Ctrl-X abre um editor: defina EDITOR, por exemplo EDITOR=nano)
    (Ctrl-D também termina o corpo; Ctrl-T anexa um arquivo)
list-more = -- Enter ou PgDn continua, PgUp volta, um número escolhe, Esc termina --
list-end = -- (FIM) Enter ou Esc termina, PgUp volta, um número escolhe --
drafts-choose = Qual rascunho deseja abrir:
drafts-skipped = { $path }: não é um rascunho que se possa ler ({ $reason }); ficou como está
drafts-in-use = { $count ->
    [one] Um rascunho está aberto em outro programa.
   *[other] { $count } rascunhos estão abertos em outros programas.
}
prompt-not-text = o terminal mandou algo que não é UTF-8; isso não foi usado (o terminal precisa estar em UTF-8)
prompt-one-line = uma senha tem só uma linha; o texto colado não foi usado
prompt-first-line = só a primeira linha do texto colado foi usada
prompt-line-cut = este terminal só passa 4095 bytes por linha; a linha acima chegou cortada e não foi usada: escreva-a em linhas menores
help-about = Um cliente do serviço de e-mail correio. Sem comando, abre os menus.
help-heading-usage = Uso
help-heading-commands = Comandos
help-heading-arguments = Argumentos
help-heading-options = Opções
help-environment = [ambiente: { $variable }]
help-possible-values = [valores possíveis: { $values }]
help-default = [padrão: { $values }]
help-command-ping = Diz se há um servidor correio e quanto ele demora para responder
help-command-register = Cadastra uma conta
help-command-recover = Define uma senha esquecida com um código do operador do servidor
help-command-app-password = Cria, mostra ou revoga senhas com que outros programas de e-mail entram
help-command-app-password-create = Cria uma senha de aplicativo e a mostra, uma só vez
help-command-app-password-list = Mostra as senhas de aplicativo: quando foram criadas, e quando e de onde foram usadas por último
help-command-app-password-revoke = Revoga uma senha de aplicativo
help-command-status = Mostra o servidor, a conta e o quanto a caixa de correio está cheia
help-command-send = Envia um e-mail; o corpo é lido da entrada padrão, se não for informado
help-command-receive = Baixa todos os e-mails, guarda-os neste computador, confirma-os e lista os novos
help-command-find = Procura pessoas no catálogo do servidor
help-command-list = Lista os e-mails guardados neste computador, ou cuida das listas que o servidor guarda
help-command-list-create = Cria uma lista, cujo primeiro dono é o usuário
help-command-list-members = Mostra os membros de uma lista
help-command-list-add = Acrescenta membros a uma lista, ou muda o papel deles
help-command-list-remove = Tira membros de uma lista
help-command-list-set = Muda o título de uma lista, ou de quem ela aceita e-mail
help-command-list-delete = Apaga uma lista; os e-mails enviados a ela ficam
help-command-list-mine = Mostra as listas de que o usuário é dono ou membro
help-command-read = Mostra um e-mail guardado neste computador
help-command-search = Procura nos e-mails guardados neste computador, recebidos e enviados
help-command-delete = Apaga e-mails neste computador; o servidor não é consultado
help-command-mark = Marca e-mails neste computador como importantes, lidos ou não lidos
help-command-nickname = Mostra a agenda, ou um apelido; acrescenta pessoas a um apelido, ou as tira
help-command-trust = Aceita o certificado de um servidor, seja o primeiro ou outro; sem servidor, lista os aceitos
help-command-watch = Fica conectado, recebe os e-mails quando chegam e escreve uma linha para cada um
help-command-config = Mostra ou muda os padrões do arquivo de configuração
help-command-config-list = Lista os padrões definidos
help-command-config-get = Mostra um padrão
help-command-config-set = Define um padrão
help-command-config-unset = Remove um padrão
help-command-config-path = Mostra o caminho do arquivo de configuração
help-command-completions = Escreve o script com que um shell completa esta linha de comando
help-command-man = Escreve as páginas do manual em um diretório, para pacotes
help-command-help = Mostra a ajuda do programa ou de um comando
help-option-server = O servidor: um nome, um endereço IPv4 ou IPv6, com a porta se ela não for 8888
help-option-user = O nome de usuário da conta
help-option-plaintext = Fala sem TLS: para laboratórios e servidores neste computador
help-option-fingerprint = A impressão digital do certificado do servidor, como `correiod fingerprint` a mostra
help-option-json = Escreve um documento JSON na saída padrão, também para erros
help-option-password_stdin = Lê a senha da primeira linha da entrada padrão
help-option-password_command = Um comando que escreve a senha na primeira linha da saída padrão
help-option-data_dir = Onde ficam os e-mails, os rascunhos e a agenda [padrão: ~/.local/share/correio]
help-option-lang = A língua [padrão: a da configuração, de LC_ALL, LC_MESSAGES ou LANG; senão português]
help-option-help = Mostra esta ajuda
help-option-version = Mostra a versão
help-register-name = O nome completo da pessoa
help-register-invite = O convite, para um servidor que só aceita cadastros com convite
help-recover-username = O nome de usuário da conta, em lugar de --user
help-recover-code_file = Um arquivo cuja primeira linha é o código; - é a entrada padrão
help-app-password-create-label = Rótulo da senha de aplicativo, como um programa e o aparelho dele
help-app-password-revoke-app_password = Rótulo da senha de aplicativo, ou o número dela na lista
help-send-to = Os destinatários: nomes de usuário, ou apelidos com um @ na frente, separados por vírgulas
help-send-subject = O assunto
help-send-body = O corpo
help-send-body_file = Um arquivo com o corpo; - é a entrada padrão
help-send-signature = Põe abaixo do corpo a assinatura do arquivo de configuração
help-receive-keep = Deixa os e-mails no servidor, para outro aparelho
help-watch-exec = Executa este comando para cada e-mail, com os campos do e-mail no ambiente, em vez de escrever
help-watch-notify = Mostra os e-mails novos como notificações da área de trabalho
help-watch-keep = Deixa os e-mails no servidor, para outro aparelho
help-config-get-key = O nome do padrão
help-config-set-key = O nome do padrão
help-config-set-value = O valor
help-config-unset-key = O nome do padrão
help-completions-shell = O shell
help-man-directory = O diretório, como /usr/share/man
help-receive-delete_damaged = Apaga do servidor os e-mails cujo conteúdo não é o que o remetente declarou
help-find-text = Uma parte de um nome de usuário ou nome completo; uma ou duas letras, só no começo dele
help-list-create-list = O nome da lista, que nenhuma conta tem
help-list-create-title = Como as pessoas a chamam
help-list-create-senders = De quem ela aceita e-mail
help-list-members-list = O nome da lista
help-list-add-list = O nome da lista
help-list-add-who = Os nomes de usuário dos membros
help-list-add-owner = Faz deles donos
help-list-remove-list = O nome da lista
help-list-remove-who = Os nomes de usuário dos membros
help-list-set-list = O nome da lista
help-list-set-title = Como as pessoas a chamam
help-list-set-senders = De quem ela aceita e-mail
help-list-delete-list = O nome da lista
help-read-number = O número do e-mail na lista; o de um enviado começa com s
help-list-unread = Só os e-mails não lidos
help-list-important = Só os e-mails marcados como importantes
help-list-from = Só os de remetentes que têm esta parte no nome de usuário ou no nome completo
help-list-has_attachment = Só os e-mails com anexos
help-list-sent = Os e-mails enviados
help-list-newest_first = O mais novo primeiro
help-list-oldest_first = O mais antigo primeiro; é o padrão
help-list-page = Uma página de 50 e-mails
help-search-words = Palavras que devem todas ocorrer no assunto, nos nomes ou no texto, com ou sem maiúsculas e acentos
help-search-from = Só os de remetentes que têm esta parte no nome de usuário ou no nome completo
help-search-recipient = Só os de destinatários que têm esta parte no nome de usuário
help-search-subject = Só os e-mails com estas palavras no assunto
help-search-since = Só os e-mails deste dia em diante
help-search-until = Só os e-mails até este dia
help-search-has_attachment = Só os e-mails com anexos
help-search-sent = Só os e-mails enviados
help-search-received = Só os e-mails recebidos
help-delete-number = Os números dos e-mails na lista
help-mark-number = Os números dos e-mails na lista
help-mark-important = Marca-os como importantes
help-mark-not_important = Tira a marca de importante
help-mark-read = Marca-os como lidos
help-mark-unread = Marca-os como não lidos
help-nickname-nickname = O apelido; entre os destinatários ele tem um @ na frente
help-nickname-people = Usuários que o apelido indica
help-nickname-remove = Tira estas pessoas do apelido, ou o próprio apelido se nenhuma for indicada
help-command-reply = Responde a um e-mail; o texto vem da entrada padrão se não for dado
help-command-forward = Encaminha um e-mail com os anexos; um texto antes dele vem da entrada padrão se não for dado
help-command-save = Salva os anexos de um e-mail e escreve os nomes dos arquivos
help-send-attach = Arquivos a anexar
help-reply-number = O número do e-mail na lista; o de um enviado começa com s
help-reply-all = Responde a quem enviou e aos outros destinatários
help-reply-body = O texto, que fica depois da citação
help-reply-body_file = Um arquivo com o texto; - é a entrada padrão
help-reply-attach = Arquivos a anexar; escreva N antes desta opção
help-reply-signature = Põe abaixo do corpo a assinatura do arquivo de configuração
help-forward-number = O número do e-mail na lista; o de um enviado começa com s
help-forward-to = Os destinatários: nomes de usuário, ou apelidos com um @ na frente, separados por vírgulas
help-forward-body = Um texto antes do e-mail
help-forward-body_file = Um arquivo com um texto antes do e-mail; - é a entrada padrão
help-forward-attach = Mais arquivos a anexar; escreva N antes desta opção
help-forward-signature = Põe abaixo do corpo a assinatura do arquivo de configuração
help-save-number = O número do e-mail na lista; o de um enviado começa com s
help-save-dir = O diretório para os arquivos [padrão: o atual]
help-save-attachment = Só os anexos com estes números; escreva N antes desta opção
help-trust-address = O servidor
help-trust-forget = Esquece o certificado: o próximo contato é o primeiro
help-value-command = COMANDO
help-value-options = OPÇÕES
help-value-server = SERVIDOR:PORTA
help-value-user = NOME
help-value-fingerprint = SHA256:…
help-value-data_dir = DIR
help-value-lang = LÍNGUA
help-value-name = NOME COMPLETO
help-value-invite = CÓDIGO
help-value-username = NOME
help-value-code_file = ARQUIVO
help-value-label = RÓTULO
help-value-app_password = RÓTULO
help-value-to = NOME{"["},NOME…]
help-value-subject = TEXTO
help-value-list = LISTA
help-value-title = TEXTO
help-value-senders = QUEM
help-value-who = NOME
help-value-body = TEXTO
help-value-body_file = ARQUIVO
help-value-text = TEXTO
help-value-number = N
help-value-from = NOME
help-value-recipient = NOME
help-value-page = PÁGINA
help-value-words = PALAVRAS
help-value-since = AAAA-MM-DD
help-value-until = AAAA-MM-DD
help-value-nickname = APELIDO
help-value-people = NOME
help-value-attach = ARQUIVO
help-value-dir = DIR
help-value-attachment = K
help-value-address = SERVIDOR:PORTA
help-value-password_command = COMANDO
help-value-exec = COMANDO
help-value-key = CHAVE
help-value-value = VALOR
help-value-shell = SHELL
help-value-directory = DIR
help-after =
    Exemplos:
      correio                     os menus
      export CORREIO_SERVER=mail.example
      correio trust mail.example  aceita o certificado de um servidor, ou o novo
      correio ping
      correio --user tony register --name 'Tony Stark'
      correio --user pepper register --name 'Pepper Potts'
      echo 'Até já' | correio --user tony send --to pepper --subject Jantar
      correio --user pepper receive
      correio --user pepper read 1

    A senha vem de --password-stdin (a primeira linha), de --password-command, de CORREIO_PASSWORD ou da configuração; sem nenhum deles, de uma pergunta no terminal; nunca de um argumento.

    Os e-mails neste computador ficam em arquivos do usuário do sistema operacional: list, read, search, save, delete e mark não pedem senha.

    Status de saída: 0 feito; 64 uso errado; 65 dados errados (destinatário inexistente, texto recusado); 69 servidor inacessível; 74 algo falhou neste computador; 75 tente mais tarde (ocupado, pedidos demais, caixa cheia); 77 não permitido (credenciais erradas, certificado sem confiança); 78 configuração errada; 129, 130, 131 e 143 após SIGHUP, SIGINT, SIGQUIT e SIGTERM.

usage-invalid-value = "{ $value }" não serve para { $argument }
usage-value-missing = falta um valor para { $argument }
usage-valid-values = Pode ser:
usage-unknown-argument = não há o argumento { $argument }
usage-unknown-command = não há o comando { $command }
usage-no-equals = { $argument } precisa de um sinal de igual antes do valor
usage-too-many-values = { $argument } não aceita também { $value }
usage-too-few-values = faltam valores para { $argument }
usage-repeated = { $argument } só pode ser informado uma vez
usage-conflict = { $argument } e { $other } não podem ser informados juntos
usage-missing = falta informar: { $argument }
usage-missing-command = falta um comando
usage-needs-command = { $option } precisa de um comando: os menus não a conhecem
usage-not-text = um argumento não é texto UTF-8
usage-other = não é possível ler a linha de comando
usage-similar = Seria isto:
usage-takes-rest = { $argument } fica com todos os valores que o seguem: escreva { $missing } antes
usage-more = Mais: { $command } --help
usage-variable = O valor é o de { $variable }.
usage-form-fingerprint = não é uma impressão digital, que tem a forma SHA256: e 32 pares de algarismos hexadecimais separados por dois-pontos
usage-form-number = um número da lista é um número inteiro a partir de 1, com s na frente se o e-mail foi enviado
usage-form-attachment = o número de um anexo é um número inteiro a partir de 1
usage-form-page = o número de uma página é um número inteiro a partir de 1
usage-form-date = um dia se escreve ano-mês-dia, por exemplo 2026-11-30
