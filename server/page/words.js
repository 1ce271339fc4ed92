// The page's words in English and Portuguese, and how numbers and times are written in each.

const WORDS = {
  en: {
    language: "Language", pause: "Pause", title: "correio: status",
    now: "Now", mails: "Mails a second", latency: "Time until the reply, 99 %", requests: "Requests of the last minute",
    nowNote: "Mails waiting and accounts are counted once a minute.",
    connections: "Connections", queues: "Jobs that wait", limits: "Queues and budgets",
    store: "Store, disk and process", refusals: "Refusals by reason",
    visitors: "Addresses that connect most", events: "Last events",
    requestsNote: "Times until the reply, estimated from the histograms of the metrics, whose bounds lie a factor of three apart.",
    visitorsNote: "Counted since the address entered a table of 64. IPv6 addresses count by /64.",
    connecting: "Asking the server…",
    live: "Live; the server started {time}.", paused: "Paused; numbers are still collected.",
    away: "The server has not answered since {time}. The page asks again every two seconds.",
    accepted: "accepted", delivered: "delivered", acceptedNow: "Accepted a second",
    deliveredNow: "Delivered a second", sessions: "Sessions", waiting: "Mails waiting",
    programs: "of mail programs",
    accounts: "Accounts", ready: "Store", yes: "ready", free: "Disk free",
    loggedIn: "logged in", anonymous: "not logged in", storeQueue: "store", hashQueue: "passwords",
    request: "Request", perMinute: "Number", p50: "50 %", p95: "95 %",
    p99: "99 %", name: "Name", used: "In use", max: "Most", share: "Share",
    queue: "queue: {name}", budget: "budget: {name}", mailClients: "connections",
    openFiles: "open files", database: "Database",
    reach: "PostgreSQL", reachable: "reachable", unreachable: "out of reach", nodes: "Servers on it", wal: "Write-ahead log",
    commit: "Commit, 99 % of the last minute", group: "Jobs a commit, mean of the last minute",
    memory: "Memory", cpu: "Processor", received: "Received", sent: "Sent",
    dropped: "Lost lines of the log", iteration: "Work of the loop, 99 %",
    reason: "Reason", total: "Since the start", recent: "In 15 minutes", address: "Address",
    opened: "Connections", refused: "Refused", failed: "Failed logins", none: "Nothing so far.",
    time: "Time", level: "Level", event: "Event", fields: "Fields", table: "As a table: {title}",
    minute: "Minute", unknown: "unknown", ago: "{number} a second",
    plot: "{title}, now: {values}. The table below has the last 15 minutes.",
  },
  pt: {
    language: "Idioma", pause: "Pausar", title: "correio: situação",
    now: "Agora", mails: "E-mails por segundo", latency: "Tempo até a resposta, 99 %", requests: "Pedidos do último minuto",
    nowNote: "E-mails à espera e contas são contados uma vez por minuto.",
    connections: "Conexões", queues: "Tarefas em espera", limits: "Filas e orçamentos",
    store: "Armazenamento, disco e processo", refusals: "Recusas por motivo",
    visitors: "Endereços que mais se conectam", events: "Últimos eventos",
    requestsNote: "Tempos até a resposta, estimados pelos histogramas das métricas, cujos limites distam um fator de três.",
    visitorsNote: "Contado desde que o endereço entrou numa tabela de 64. Endereços IPv6 contam por /64.",
    connecting: "Consultando o servidor…",
    live: "Ao vivo; o servidor iniciou {time}.", paused: "Em pausa; os números continuam a ser coletados.",
    away: "O servidor não responde desde {time}. A página pergunta de novo a cada dois segundos.",
    accepted: "aceitos", delivered: "entregues", acceptedNow: "Aceitos por segundo",
    deliveredNow: "Entregues por segundo", sessions: "Sessões", waiting: "E-mails à espera",
    programs: "de programas de e-mail",
    accounts: "Contas", ready: "Armazenamento", yes: "pronto", free: "Disco livre",
    loggedIn: "com login", anonymous: "sem login", storeQueue: "armazenamento", hashQueue: "senhas",
    request: "Pedido", perMinute: "Número", p50: "50 %", p95: "95 %",
    p99: "99 %", name: "Nome", used: "Em uso", max: "Máximo", share: "Parte",
    queue: "fila: {name}", budget: "orçamento: {name}", mailClients: "conexões",
    openFiles: "arquivos abertos", database: "Banco de dados",
    reach: "PostgreSQL", reachable: "acessível", unreachable: "fora de alcance", nodes: "Servidores nele", wal: "Log de escrita antecipada",
    commit: "Commit, 99 % do último minuto", group: "Tarefas por commit, média do último minuto",
    memory: "Memória", cpu: "Processador", received: "Recebidos", sent: "Enviados",
    dropped: "Linhas perdidas do log", iteration: "Trabalho do laço, 99 %",
    reason: "Motivo", total: "Desde o início", recent: "Em 15 minutos", address: "Endereço",
    opened: "Conexões", refused: "Recusas", failed: "Logins falhos", none: "Nada até agora.",
    time: "Hora", level: "Nível", event: "Evento", fields: "Campos", table: "Como tabela: {title}",
    minute: "Minuto", unknown: "desconhecido", ago: "{number} por segundo",
    plot: "{title}, agora: {values}. A tabela abaixo tem os últimos 15 minutos.",
  },
};

const TAGS = { en: "en", pt: "pt-BR" };

/** The languages of the page. */
export const LANGUAGES = Object.keys(WORDS);

/** The words of each language, for tests. */
export const ALL = WORDS;

/** The language of the address's fragment, otherwise the first of the browser's that is known. */
export function preferred(fragment, languages) {
  const asked = [fragment.replace("#", ""), ...languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return asked.find((language) => language in WORDS) ?? "en";
}

/** A language: its words, and its forms of numbers and times. */
export class Language {
  constructor(name) {
    this.name = name;
    this.tag = TAGS[name];
    const number = (digits) =>
      new Intl.NumberFormat(this.tag, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    this.digits = [number(0), number(1), number(2)];
    const time = (style) => new Intl.DateTimeFormat(this.tag, { hourCycle: "h23", ...style });
    const clock = { hour: "2-digit", minute: "2-digit" };
    this.minutes = time(clock);
    this.clock = time({ ...clock, second: "2-digit" });
    this.date = time({ ...clock, day: "2-digit", month: "2-digit", year: "numeric" });
  }

  /** A word, with its places filled. */
  word(key, places = {}) {
    return WORDS[this.name][key].replace(/\{(\w+)\}/g, (_, place) => places[place]);
  }

  /** A number that may be unknown. */
  number(value, digits = 0) {
    return value === null || value === undefined ? "–" : this.digits[digits].format(value);
  }

  /** Bytes in a unit of 1024. */
  bytes(value) {
    if (value === null || value === undefined) return this.word("unknown");
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    let shown = value;
    for (; shown >= 1024 && unit < units.length - 1; unit += 1) shown /= 1024;
    return `${this.number(shown, unit === 0 ? 0 : 1)} ${units[unit]}`;
  }

  /** Seconds as milliseconds or seconds; values above the histogram's last bound are infinite. */
  duration(seconds) {
    if (seconds === null) return "–";
    if (seconds === Infinity) return "> 10 s";
    if (seconds >= 1) return `${this.number(seconds, 1)} s`;
    return `${this.number(seconds * 1000, seconds >= 0.1 ? 0 : 2)} ms`;
  }
}
