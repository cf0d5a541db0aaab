/*
 * The page is whole without this file: sorted tables, twins, matrices. What it adds is
 * sorting, filters, charts, details of a cell and the comparison of two rows, all from the
 * two JSON blocks above.
 */
const board = JSON.parse(document.getElementById('board').textContent);
const extra = JSON.parse(document.getElementById('extra').textContent);
const kinds = ['clean', 'system', 'natural', 'adversarial', 'worst'];
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const esc = s => String(s).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const pct = v => v == null ? '–' : (100 * v).toFixed(2);
const points = v => v == null ? '–' : (v < 0 ? '−' : '+') + Math.abs(100 * v).toFixed(2);
const nameOf = row => row.model + (row.variant ? '/' + row.variant : '');
const mean = xs => xs.length ? xs.reduce((a, b) => a + b, 0) / xs.length : null;
const colour = i => `var(--c${i % 8})`;
const dash = i => ['', '6 3', '2 3', '8 3 2 3'][Math.floor(i / 8) % 4];
const by = key => (a, b) => a[key] - b[key];

/* State lives in the fragment, so that a view can be sent as a link. */
const state = new URLSearchParams(location.hash.slice(1));
function keep(key, value) {
  if (value === '' || value == null) state.delete(key); else state.set(key, value);
  history.replaceState(null, '', '#' + state);
}

/* ---- sorting and filtering the board ---- */
function sortTable(table, column, direction) {
  const body = table.tBodies[0], sign = direction === 'ascending' ? 1 : -1;
  const read = tr => {
    const cell = tr.cells[column], metric = table.dataset.metric || 'acc';
    const text = cell.dataset[metric] ?? cell.dataset.v;
    return text === undefined ? cell.textContent.trim() : text === '' ? null : Number(text);
  };
  const rows = [...body.rows].map((tr, i) => [read(tr), i, tr]);
  rows.sort(([a, i], [b, j]) => {
    if (a === null || b === null) return (a === null) - (b === null) || i - j;
    return sign * (typeof a === 'string' ? a.localeCompare(b) : a - b) || i - j;
  });
  rows.forEach(([, , tr]) => body.append(tr));
  $$('thead th', table).forEach((th, i) => {
    if ($('button', th)) th.setAttribute('aria-sort', i === column ? direction : 'none');
  });
  bracket(table, column);
}

/* Brackets belong to the measure that is sorted by. */
function bracket(table, column) {
  const head = table.tHead.rows[0].cells[column], metric = table.dataset.metric || 'acc';
  const measure = head.dataset[metric] || '';
  for (const tr of table.tBodies[0].rows) {
    const group = measure ? extra.groups[tr.dataset.section][tr.dataset.row][measure] || 0 : 0;
    tr.cells[0].innerHTML = group ? `<i>${group}</i>` : '';
    tr.cells[0].classList.toggle('odd', group % 2 === 1);
  }
}

function enableSorting(table) {
  $$('thead th', table).forEach((th, column) => {
    if (th.dataset.fixed !== undefined) return;
    th.innerHTML = `<button type="button">${th.innerHTML}</button>`;
    if (!th.hasAttribute('aria-sort')) th.setAttribute('aria-sort', 'none');
    $('button', th).addEventListener('click', () => {
      const first = th.dataset.low !== undefined || !th.classList.contains('num')
        ? 'ascending' : 'descending';
      const other = first === 'ascending' ? 'descending' : 'ascending';
      const direction = th.getAttribute('aria-sort') === first ? other : first;
      sortTable(table, column, direction);
      keep('sort', column + (direction === 'ascending' ? 'a' : 'd'));
    });
  });
}

function setMetric(section, metric) {
  const table = $('.board', section);
  table.dataset.metric = metric;
  $$('.metric button', section).forEach(b =>
    b.setAttribute('aria-pressed', String(b.value === metric)));
  resort(table);
}

/* By the column that it is sorted by, whose numbers have changed. */
function resort(table) {
  const heads = [...table.tHead.rows[0].cells];
  const sorted = heads.findIndex(th => ['ascending', 'descending'].includes(th.getAttribute('aria-sort')));
  if (sorted >= 0) sortTable(table, sorted, heads[sorted].getAttribute('aria-sort'));
}

/* What the controls of a bar say, by their data-key. */
const wishes = bar => Object.fromEntries($$('[data-key]', bar).map(el => [el.dataset.key, el.value]));

function filterRows(section) {
  const want = wishes($('.filters', section)), words = want.q.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const tr of $('.board', section).tBodies[0].rows) {
    const row = board.sections[tr.dataset.section].rows[tr.dataset.row];
    const text = [nameOf(row), row.arch, row.family, row.technique, row.flags].join(' ').toLowerCase();
    tr.hidden = !(words.every(w => text.includes(w)) && (!want.precision || row.precision === want.precision) &&
      (!want.arch || row.arch === want.arch) && (!want.flags || (want.flags === 'clean') === !row.flags));
    shown += !tr.hidden;
  }
  $('.filters .count', section).textContent = `${shown} of ${$('.board', section).tBodies[0].rows.length} networks`;
}

/* ---- choosing conditions: they make the column "Chosen", the heat map and the comparison ---- */
const epsOf = c => c.eps == null ? '' : c.norm === 'Linf' ? `${+(255 * c.eps).toFixed(3)}/255` : String(c.eps);
const facets = {kind: c => c.kind, noise: c => c.noise, norm: c => c.norm || '', eps: epsOf, severity: c => String(c.severity || '')};
const kindOf = {clean: 'clean', system: 'system', natural: 'natural', adversarial: 'adversarial', persample: 'worst', mce: 'natural'};

function chosen(section, data) {
  const want = wishes($('.conditions', section)), active = Object.values(want).some(Boolean);
  const fits = c => Object.entries(want).every(([key, value]) => !value || facets[key](c) === value);
  return {want, active, ks: data.conditions.map((c, k) => k).filter(k => fits(data.conditions[k]))};
}

/* The mean over the chosen conditions; a single one has its interval. */
function chosenCell(td, row, ks) {
  const of = key => ks.map(k => row.cells[k]?.[key]).filter(v => v != null), one = ks.length === 1 ? row.cells[ks[0]] : null;
  const values = {acc: mean(of('acc')), delta: mean(of('delta')), kept: mean(of('kept')), worst: of('acc').length ? Math.min(...of('acc')) : null};
  const half = v => one && v != null ? ` <span class="half">±${(100 * v).toFixed(2)}</span>` : '';
  const shown = {acc: pct(values.acc) + half(one && (one.hi - one.lo) / 2), delta: points(values.delta) + half(one && one.delta_se * 1.96), kept: pct(values.kept), worst: pct(values.worst)};
  td.innerHTML = Object.entries(shown).map(([key, text]) => `<span class="m-${key}">${text}</span>`).join('');
  for (const key in values) td.dataset[key] = values[key] ?? '';
  td.title = `${of('acc').length} of ${ks.length} conditions`;
  td.classList.toggle('up', values.delta > 0);
  td.style.setProperty('--t', Math.min(1, Math.abs(values.delta || 0) * (values.delta > 0 ? 4 : 1)).toFixed(3));
}

function addChosenColumn(table) {
  const th = document.createElement('th');
  Object.assign(th, {scope: 'col', className: 'num chosen', textContent: 'Chosen', hidden: true});
  $('.nights', table.tHead).before(th);
  for (const tr of table.tBodies[0].rows) {
    const td = document.createElement('td');
    Object.assign(td, {className: 'num tint chosen', hidden: true});
    $('.nights', tr).before(td);
  }
}

function applyConditions(section, s) {
  const data = board.sections[s], table = $('.board', section), {want, active, ks} = chosen(section, data);
  for (const tr of table.tBodies[0].rows) chosenCell($('.chosen', tr), data.rows[tr.dataset.row], ks);
  [...table.tHead.rows[0].cells].forEach((th, i) => {
    const kind = kindOf[th.dataset.acc];
    if (!kind && !th.classList.contains('chosen')) return;
    const hide = kind ? want.kind && kind !== 'clean' && kind !== want.kind : !active;
    $$('tr', table).forEach(tr => { tr.cells[i].hidden = hide; });
  });
  $('.conditions .count', section).textContent = active ? `${ks.length} of ${data.conditions.length} conditions` : '';
  resort(table);
  section.dispatchEvent(new Event('conditions'));
}

/* The share kept of what was right when clean, a family's mean: a fourth way to show it. */
function addKept(table, data) {
  [...table.tHead.rows[0].cells].forEach((th, i) => {
    const kind = kindOf[th.dataset.acc];
    if (!kind) return;
    for (const tr of table.tBodies[0].rows) {
      const td = tr.cells[i], row = data.rows[tr.dataset.row];
      if (!$('.m-acc', td)) { td.dataset.kept = td.dataset.acc; continue; }
      const kept = mean(data.conditions.map((c, k) => c.kind === kind ? row.cells[k]?.kept : null).filter(v => v != null));
      td.dataset.kept = kept ?? '';
      td.insertAdjacentHTML('beforeend', `<span class="m-kept">${pct(kept)}</span>`);
    }
  });
}

/* ---- details of a cell ---- */

/* A transfer attack's run needs the network that gives the gradients, too. */
function commandOf(s, r, k) {
  const data = board.sections[s], {models, data: paths, noises} = extra.commands[s];
  const source = /source=(\S+)/.exec(data.conditions[k].label)?.[1];
  const from = data.rows.findIndex((row, i) => i !== r && row.model === source);
  return noises[k] && 'gauntlet run' + models[r] + (from < 0 ? '' : models[from]) + paths[r] + noises[k];
}

function showCell(s, r, k) {
  const data = board.sections[s], row = data.rows[r], condition = data.conditions[k], cell = row.cells[k];
  if (!cell) return;
  const facts = [['Top-1', `${pct(cell.acc)} % [${pct(cell.lo)}, ${pct(cell.hi)}], ${cell.ok} of ${data.n}`]];
  if (cell.acc5 != null) facts.push(['Top-5', pct(cell.acc5) + ' %']);
  if (cell.delta != null && condition.kind !== 'clean') {
    facts.push(['Against clean', `${points(cell.delta)} ±${(196 * cell.delta_se).toFixed(2)} points: ${cell.lost} lost, ${cell.won} won`]);
    if (cell.kept != null) facts.push(['Kept', `${pct(cell.kept)} % of the clean-correct`]);
  }
  if (cell.ece != null) facts.push(['Calibration error', pct(cell.ece) + ' %']);
  if (cell.unread) facts.push(['Unreadable samples', cell.unread]);
  if (cell.flags) facts.push(['Flags', cell.flags]);
  facts.push(['Network', `${row.precision}, ${row.params.toLocaleString('en')} parameters, SHA-256 ${row.sha256.slice(0, 12)}…`]);
  const nights = extra.history[s].nights, past = pastOf(s, r, [k]), last = past.findLast(([, v], i) => i && v !== past[i - 1][1]);
  if (past.length > 1)
    facts.push(['Last runs', `${past.length}; ` + (last ? `changed ${nights[last[0]].slice(0, 10)} to ${pct(last[1])}` : 'always this')]);
  const command = commandOf(s, r, k);
  const dialog = $('#details');
  dialog.innerHTML = `<button type="button" class="close" aria-label="Close">✕</button><h3 id="details-title">${esc(nameOf(row))}: ${esc(condition.label)}</h3>` +
    `<dl>${facts.map(([a, b]) => `<dt>${a}</dt><dd>${esc(b)}</dd>`).join('')}</dl>${spark(past)}` + (command ?
      `<p class="note">This number again:</p><pre><code>${esc(command)}</code></pre><button type="button" class="copy">Copy</button>` :
      '<p class="note">For each sample the worst of several conditions, as the suite names them.</p>');
  $('.close', dialog).onclick = () => dialog.close();
  if (command) $('.copy', dialog).onclick = e => navigator.clipboard?.writeText(command).then(() => { e.target.textContent = 'Copied'; });
  dialog.showModal();
}

/* ---- two rows, image by image ---- */
function logChoose(n, k) {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log(n - k + i) - Math.log(i);
  return sum;
}
function mcnemar(b, c) {
  const n = b + c, k = Math.min(b, c);
  if (2 * k >= n - 1) return 1;
  let term = Math.exp(logChoose(n, k) - n * Math.LN2), sum = 0;
  for (let i = k; i >= 0 && term > 0; term *= i / (n - i + 1), i--) sum += term;
  return Math.min(1, 2 * sum);
}
function holm(ps) {
  const at = ps.map((p, i) => [p, i]).sort((a, b) => a[0] - b[0]), out = [];
  let most = 0;
  at.forEach(([p, i], k) => { most = Math.max(most, Math.min(1, (ps.length - k) * p)); out[i] = most; });
  return out;
}
function compare(s, a, b, ks) {
  const data = board.sections[s], swap = a > b, pair = extra.pairs[s]?.[swap ? `${b}-${a}` : `${a}-${b}`];
  if (a === b) return '<p>Choose two different networks.</p>';
  if (!pair) return '<p>Too many networks for this page to hold every pair; the database has them.</p>';
  const lines = [];
  ks.forEach(k => {
    const condition = data.conditions[k], x = data.rows[a].cells[k], y = data.rows[b].cells[k];
    if (!x || !y || pair[k] == null) return;
    let [only, other] = pair[k];
    if (swap) [only, other] = [other, only];
    const se = Math.sqrt(Math.max(0, only + other - (only - other) ** 2 / data.n)) / data.n;
    lines.push({k, condition, x, y, only, other, diff: (only - other) / data.n, se, p: mcnemar(only, other)});
  });
  const adjusted = holm(lines.map(l => l.p));
  const body = lines.map((l, i) => {
    const clear = adjusted[i] <= .05, side = l.diff > 0 ? 'rise' : 'fall';
    return `<tr><th scope="row">${esc(l.condition.label)}</th><td class="num">${pct(l.x.acc)}</td><td class="num">${pct(l.y.acc)}</td>` +
      `<td class="num ${clear ? side : ''}">${points(l.diff)} <span class="half">±${(196 * l.se).toFixed(2)}</span></td><td class="num">${l.only}</td><td class="num">${l.other}</td>` +
      `<td class="num">${l.p < .001 ? l.p.toExponential(1) : l.p.toFixed(3)}</td><td>${clear ? (l.diff > 0 ? 'first better' : 'second better') : 'no difference shown'}</td></tr>`;
  }).join('');
  return `<div class="scroll"><table><caption>Exact McNemar test per condition; the verdict holds after Holm’s correction over all ${lines.length}.</caption><thead><tr><th scope="col" class="name">Condition</th><th scope="col" class="num">${esc(nameOf(data.rows[a]))}</th><th scope="col" class="num">${esc(nameOf(data.rows[b]))}</th><th scope="col" class="num">Difference</th><th scope="col" class="num">Only first right</th><th scope="col" class="num">Only second right</th><th scope="col" class="num">p</th><th scope="col">Verdict</th></tr></thead><tbody>${body}</tbody></table></div>`;
}

/* ---- putting it together ---- */
function options(list, chosen) {
  return list.map(([value, text]) => `<option value="${esc(value)}"${value === chosen ? ' selected' : ''}>${esc(text)}</option>`).join('');
}
function chart(section, title, note, choices, draw) {
  const first = choices.find(([value]) => draw(value));
  if (!first) return;
  const figure = document.createElement('figure');
  const pick = choices.length > 1 ? `<div class="bar"><select aria-label="${esc(title)}: what to show">${options(choices, first[0])}</select></div>` : '';
  figure.innerHTML = `<h3>${esc(title)}</h3><figcaption>${esc(note)}</figcaption>${pick}<div></div>`;
  const show = value => { figure.lastElementChild.innerHTML = draw(value) || '<p class="note">Nothing was run for this.</p>'; };
  $('select', figure)?.addEventListener('change', e => show(e.target.value));
  show(first[0]);
  $('.charts', section).append(figure);
}

function addCharts(section, data) {
  const measures = [['natural', 'natural noise'], ['adversarial', 'attacks'], ['system', 'system noise'], ['persample', 'per-sample worst'], ['adversarial_worst', 'strongest attack']];
  const noises = [...new Set(data.conditions.filter(c => c.kind === 'natural' && c.severity).map(c => c.noise))];
  const attacks = [...new Set(data.conditions.map(attackOf).filter(Boolean))];
  chart(section, 'Clean against robust', 'Up and right is better; whiskers are 95 % intervals.', measures, m => scatter(data, m));
  chart(section, 'By severity', 'Natural corruptions, from clean to severity 5.', [['', 'mean over corruptions'], ...noises.map(n => [n, n.replaceAll('_', ' ')])], n => severities(data, n));
  chart(section, 'By attack radius', 'What is left under an attack as ε grows.', attacks.map(a => [a, a]), a => epsCurves(data, a));
  chart(section, 'Precision ladder', 'The same network from full precision down.', [['natural', 'natural noise'], ['clean', 'clean'], ['adversarial', 'attacks'], ['system', 'system noise']], m => ladder(data, m));
}

function addHeat(section, s, data) {
  const box = $('.heatbox', section), present = kinds.slice(1).filter(k => data.conditions.some(c => c.kind === k));
  if (!present.length) { box.hidden = true; return; }
  const start = present.includes('natural') ? 'natural' : present[0];
  const shows = [['delta', 'change against clean'], ['acc', 'top-1'], ['kept', 'share kept']];
  if (extra.history[s].nights.length > 1) shows.push(['nights', 'last runs']);
  $('.bar', box).innerHTML = `<label>Family<select class="k">${options(present.map(k => [k, titleOf(k)]), start)}</select></label><label>Show<select class="m">${options(shows, 'delta')}</select></label>`;
  const draw = () => {
    const {want, ks} = chosen(section, data), known = present.includes(want.kind);
    $('.k', box).closest('label').hidden = known;
    box.lastElementChild.innerHTML = heatmap(s, known ? want.kind : $('.k', box).value, ks, $('.m', box).value);
  };
  $$('select', box).forEach(el => el.addEventListener('change', draw));
  section.addEventListener('conditions', draw);
  box.addEventListener('click', e => {
    const cell = e.target.closest('button.cell');
    if (cell) showCell(s, +cell.dataset.row, +cell.dataset.condition);
  });
}

function addCompare(section, s, data) {
  const box = $('.comparebox', section);
  if (data.rows.length < 2) { box.hidden = true; return; }
  const twin = data.twins[0], a = twin ? twin.twin : 0, b = twin ? twin.row : 1;
  const names = data.rows.map((row, i) => [String(i), nameOf(row)]);
  $('.bar', box).innerHTML = `<label>First<select class="a">${options(names, String(a))}</select></label><label>Second<select class="b">${options(names, String(b))}</select></label>`;
  const draw = () => { box.lastElementChild.innerHTML = compare(s, +$('.a', box).value, +$('.b', box).value, chosen(section, data).ks); };
  section.addEventListener('conditions', draw);
  $$('select', box).forEach(el => el.addEventListener('change', () => { draw(); keep('compare', `${s}.${$('.a', box).value}.${$('.b', box).value}`); }));
  const asked = (state.get('compare') || '').split('.').map(Number);
  if (asked.length === 3 && asked[0] === s && data.rows[asked[1]] && data.rows[asked[2]]) {
    $('.a', box).value = asked[1];
    $('.b', box).value = asked[2];
  }
}

const titleOf = kind => ({adversarial: 'attacks', worst: 'per-sample worst'})[kind] || kind;
const uniqueOf = (data, read) => [...new Set(data.conditions.map(read))].filter(Boolean);
function select(title, key, values) {
  const kept = values.some(([value]) => value === state.get(key)) ? state.get(key) : '';
  return values.length < 2 && !kept ? `<select data-key="${key}" hidden aria-label="${title}"><option value=""></option></select>` :
    `<label>${title}<select data-key="${key}">${options([['', 'all'], ...values], kept)}</select></label>`;
}
const plain = values => values.map(v => [v, v.replaceAll('_', ' ')]);

function addControls(section, s, data) {
  const rows = key => [...new Set(data.rows.map(r => r[key]).filter(Boolean))].sort().map(v => [v, v]);
  const radius = text => text.split('/').map(Number).reduce((a, b) => a / b);
  $('.filters', section).innerHTML = `<label>Search<input type="search" data-key="q" placeholder="name, architecture, flag" value="${esc(state.get('q') || '')}"></label>` +
    select('Precision', 'precision', rows('precision')) + select('Architecture', 'arch', rows('arch')) +
    select('Flags', 'flags', [['clean', 'none raised'], ['flagged', 'raised']]) +
    `<span class="field" role="group" aria-label="What to show">Show<span class="choice metric"><button type="button" value="acc">Top-1</button><button type="button" value="delta">Change</button><button type="button" value="kept">Kept</button><button type="button" value="worst">Worst</button></span></span><span class="count note" aria-live="polite"></span>`;
  $('.conditions', section).innerHTML = select('Family', 'kind', uniqueOf(data, facets.kind).map(k => [k, titleOf(k)])) +
    select('Noise', 'noise', plain(uniqueOf(data, facets.noise))) + select('Norm', 'norm', plain(uniqueOf(data, facets.norm))) +
    select('ε', 'eps', plain(uniqueOf(data, facets.eps).sort((a, b) => radius(a) - radius(b)))) +
    select('Severity', 'severity', plain(uniqueOf(data, facets.severity).sort())) +
    '<button type="button" class="clear">All conditions</button><span class="count note" aria-live="polite"></span>';
  const listen = (bar, act) => $$('[data-key]', bar).forEach(el => el.addEventListener('input', () => { keep(el.dataset.key, el.value); act(); }));
  listen($('.filters', section), () => filterRows(section));
  listen($('.conditions', section), () => applyConditions(section, s));
  $('.clear', section).addEventListener('click', () => {
    $$('.conditions [data-key]', section).forEach(el => { el.value = ''; keep(el.dataset.key, ''); });
    applyConditions(section, s);
  });
  $$('.metric button', section).forEach(b => b.addEventListener('click', () => { setMetric(section, b.value); keep('metric', b.value); }));
}

/* Cells that open, and a line of the last runs where there have been several. */
function addToRows(section, s, data) {
  const table = $('.board', section), many = extra.history[s].nights.length > 1;
  for (const tr of table.tBodies[0].rows) {
    const r = +tr.dataset.row, ks = data.conditions.map((c, k) => k).filter(k => data.rows[r].cells[k]);
    if (many) $('.nights', tr).innerHTML = spark(pastOf(s, r, ks));
    for (const cell of $$('td[data-condition]', tr)) {
      cell.innerHTML = `<button type="button" class="cell">${cell.innerHTML}</button>`;
      cell.firstChild.addEventListener('click', () => showCell(s, r, +cell.dataset.condition));
    }
  }
  if (!many) $$('.nights', table).forEach(cell => { cell.hidden = true; });
}

function setSection(index) {
  $$('section.dataset').forEach((el, i) => { el.hidden = i !== index; });
  $$('#sections button').forEach((b, i) => b.setAttribute('aria-pressed', String(i === index)));
}

function start() {
  document.documentElement.classList.add('live');
  $$('section.dataset').forEach((section, s) => {
    const data = board.sections[s];
    addControls(section, s, data);
    addKept($('.board', section), data);
    addToRows(section, s, data);
    addChosenColumn($('.board', section));
    enableSorting($('.board', section));
    $$('.cost', section).forEach(forest);
    addCharts(section, data);
    addHeat(section, s, data);
    addCompare(section, s, data);
    filterRows(section);
    applyConditions(section, s);
    setMetric(section, state.get('metric') || 'acc');
    const sort = /^(\d+)([ad])$/.exec(state.get('sort') || '');
    if (sort && $('.board', section).tHead.rows[0].cells[sort[1]])
      sortTable($('.board', section), +sort[1], sort[2] === 'a' ? 'ascending' : 'descending');
  });
  const nav = $('#sections');
  if (board.sections.length > 1) {
    nav.innerHTML = board.sections.map(s => `<button type="button">${esc(s.dataset)}${s.subset === 'all' ? '' : ', ' + esc(s.subset)}</button>`).join('');
    $$('button', nav).forEach((b, i) => b.addEventListener('click', () => { setSection(i); keep('data', i || ''); }));
    setSection(Math.min(+(state.get('data') || 0), board.sections.length - 1));
  } else {
    nav.hidden = true;
  }
  const theme = state.get('theme');
  if (theme) document.documentElement.dataset.theme = theme;
  $('#theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    keep('theme', root.dataset.theme);
  });
  $('#details').addEventListener('click', e => { if (e.target === e.currentTarget) e.currentTarget.close(); });
}
start();
