'use strict';
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
  const sorted = $$('thead th', table).findIndex(th =>
    ['ascending', 'descending'].includes(th.getAttribute('aria-sort')));
  if (sorted >= 0) sortTable(table, sorted, table.tHead.rows[0].cells[sorted].getAttribute('aria-sort'));
}

function filterRows(section) {
  const words = $('.search', section).value.toLowerCase().split(/\s+/).filter(Boolean);
  const precision = $('.precision', section).value, flags = $('.flags', section).value;
  let shown = 0;
  for (const tr of $('.board', section).tBodies[0].rows) {
    const row = board.sections[tr.dataset.section].rows[tr.dataset.row];
    const text = [nameOf(row), row.arch, row.family, row.technique, row.flags].join(' ').toLowerCase();
    tr.hidden = !(words.every(w => text.includes(w)) && (!precision || row.precision === precision) &&
      (!flags || (flags === 'clean') === !row.flags));
    shown += !tr.hidden;
  }
  $('.count', section).textContent = `${shown} of ${$('.board', section).tBodies[0].rows.length} networks`;
}

/* ---- charts: strings of SVG, numbers also in the tables ---- */
function scale(lo, hi, from, to) {
  return v => from + (hi === lo ? .5 : (v - lo) / (hi - lo)) * (to - from);
}
function ticks(lo, hi) {
  const step = [.5, 1, 2, 5, 10, 20, 25].find(s => (hi - lo) / s <= 6) || 50, out = [];
  for (let t = Math.ceil(lo / step) * step; t <= hi + 1e-9; t += step) out.push(t);
  return out;
}
function frame(width, height, x, y, xLabel, yLabel) {
  const box = {l: 42, r: width - 12, t: 10, b: height - 38};
  const X = scale(x.lo, x.hi, box.l, box.r), Y = scale(y.lo, y.hi, box.b, box.t);
  const grid = (y.ticks || ticks(y.lo, y.hi)).map(t =>
    `<line class="axis" x1="${box.l}" x2="${box.r}" y1="${Y(t)}" y2="${Y(t)}"/>` +
    `<text x="${box.l - 6}" y="${Y(t) + 4}" text-anchor="end">${t}</text>`).join('');
  const below = (x.ticks || ticks(x.lo, x.hi)).map(t =>
    `<text x="${X(t.at ?? t)}" y="${box.b + 16}" text-anchor="middle">${esc(t.text ?? t)}</text>`).join('');
  const names = `<text x="${(box.l + box.r) / 2}" y="${height - 4}" text-anchor="middle">${esc(xLabel)}</text>` +
    `<text x="11" y="${(box.t + box.b) / 2}" text-anchor="middle" transform="rotate(-90 11 ${(box.t + box.b) / 2})">${esc(yLabel)}</text>`;
  return {X, Y, box, back: grid + below + names};
}
function svg(width, height, label, inside) {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${esc(label)}">${inside}</svg>`;
}
function lines(series, x, y, xLabel, label) {
  const f = frame(460, 290, x, y, xLabel, 'top-1, %');
  const paths = series.map(s => {
    const d = s.points.map(([a, b], i) => `${i ? 'L' : 'M'}${f.X(a).toFixed(1)} ${f.Y(b).toFixed(1)}`).join('');
    const dots = s.points.map(([a, b, doubt]) =>
      `<circle cx="${f.X(a).toFixed(1)}" cy="${f.Y(b).toFixed(1)}" r="3.5" fill="${doubt ? 'var(--card)' : colour(s.i)}" stroke="${colour(s.i)}" stroke-width="1.5"><title>${esc(s.name)}: ${b.toFixed(2)}</title></circle>`).join('');
    return `<path d="${d}" fill="none" stroke="${colour(s.i)}" stroke-width="2" stroke-dasharray="${dash(s.i)}"/>${dots}`;
  }).join('');
  return svg(460, 290, label, f.back + paths) + key(series);
}
function key(series) {
  return '<ul class="key">' + series.map(s =>
    `<li><svg viewBox="0 0 24 12" aria-hidden="true"><path d="M1 6H23" stroke="${colour(s.i)}" stroke-width="2.5" stroke-dasharray="${dash(s.i)}"/></svg> ${esc(s.name)}</li>`).join('') + '</ul>';
}
function span(values) {
  const all = values.filter(v => v != null);
  if (!all.length) return {lo: 0, hi: 100};
  const lo = Math.min(...all), hi = Math.max(...all), pad = Math.max(1, .08 * (hi - lo));
  return {lo: Math.max(0, Math.floor(lo - pad)), hi: Math.min(100, Math.ceil(hi + pad))};
}

/* Labels step aside: tried right, left, above and below until they meet no other. */
function place(dots, box) {
  const taken = dots.map(d => [d.x - 5, d.y - 5, d.x + 5, d.y + 5]);
  const meets = a => taken.some(b => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]);
  return dots.map(d => {
    const w = 5.9 * d.name.length;
    for (const [dx, dy] of [[8, 4], [-8 - w, 4], [-w / 2, -9], [-w / 2, 17], [8, -7], [8, 15], [-8 - w, -7], [-8 - w, 15]]) {
      const area = [d.x + dx, d.y + dy - 9, d.x + dx + w, d.y + dy + 2];
      if (area[0] < box.l || area[2] > box.r + 10 || area[1] < box.t - 8 || area[3] > box.b || meets(area)) continue;
      taken.push(area);
      return `<text class="label" x="${d.x + dx}" y="${d.y + dy}">${esc(d.name)}</text>`;
    }
    return '';
  }).join('');
}

function scatter(data, measure) {
  const rows = data.rows.map((row, i) => ({row, i, a: row.values.clean, b: row.values[measure]}))
    .filter(p => p.a && p.b);
  if (!rows.length) return '';
  const x = span(rows.flatMap(p => [100 * p.a.lo, 100 * p.a.hi]));
  const y = span(rows.flatMap(p => [100 * p.b.lo, 100 * p.b.hi]));
  const f = frame(460, 320, x, y, 'clean top-1, %', 'robust top-1, %');
  const dots = rows.map(p => ({x: f.X(100 * p.a.value), y: f.Y(100 * p.b.value), name: nameOf(p.row), p}));
  const marks = dots.map(({x: px, y: py, name, p}) =>
    `<path stroke="${colour(p.i)}" opacity=".45" d="M${f.X(100 * p.a.lo)} ${py}H${f.X(100 * p.a.hi)}M${px} ${f.Y(100 * p.b.lo)}V${f.Y(100 * p.b.hi)}"/>` +
    `<circle cx="${px}" cy="${py}" r="5" stroke="${colour(p.i)}" stroke-width="2" fill="${p.row.unreliable ? 'var(--card)' : colour(p.i)}"><title>${esc(name)}: clean ${pct(p.a.value)}, robust ${pct(p.b.value)}</title></circle>`).join('');
  return svg(460, 320, `Clean against ${measure} accuracy of ${rows.length} networks`, f.back + marks + place(dots, f.box));
}

function severities(data, noise) {
  const series = data.rows.map((row, i) => ({i, name: nameOf(row), points: [1, 2, 3, 4, 5].map(s => {
    const found = data.conditions.map((c, k) => c.kind === 'natural' && c.severity === s &&
      (!noise || c.noise === noise) && row.cells[k] ? 100 * row.cells[k].acc : null).filter(v => v != null);
    return [s, mean(found)];
  }).filter(p => p[1] != null)})).filter(s => s.points.length > 1);
  for (const s of series)
    if (data.rows[s.i].values.clean) s.points.unshift([0, 100 * data.rows[s.i].values.clean.value]);
  if (!series.length) return '';
  return lines(series, {lo: 0, hi: 5, ticks: [{at: 0, text: 'clean'}, 1, 2, 3, 4, 5]},
    span(series.flatMap(s => s.points.map(p => p[1]))), 'severity', 'Accuracy by severity');
}

function epsCurves(data, attack) {
  const series = data.rows.map((row, i) => ({i, name: nameOf(row), points: data.conditions
    .map((c, k) => c.kind === 'adversarial' && c.noise === attack && c.eps != null && row.cells[k] ?
      [255 * c.eps, 100 * row.cells[k].acc, !!row.cells[k].flags && row.unreliable] : null)
    .filter(Boolean).sort((a, b) => a[0] - b[0])})).filter(s => s.points.length);
  for (const s of series)
    if (data.rows[s.i].values.clean) s.points.unshift([0, 100 * data.rows[s.i].values.clean.value]);
  if (!series.length) return '';
  const most = Math.max(...series.flatMap(s => s.points.map(p => p[0])));
  return lines(series, {lo: 0, hi: most, ticks: ticks(0, most)}, {lo: 0, hi: span(series.flatMap(s => s.points.map(p => p[1]))).hi},
    'ε · 255', `Accuracy by ε under ${attack}`);
}

/* A twin and all that was made of it, from full precision down. */
const order = ['fp32', 'fp16', 'bf16', 'int8', 'int4', 'int2', 'ternary', 'binary', 'snn'];
function ladder(data, measure) {
  const rank = row => { const k = order.indexOf(row.precision); return k < 0 ? order.length : k; };
  const used = [...new Set(data.twins.flatMap(t => [t.row, t.twin]).map(i => rank(data.rows[i])))].sort((a, b) => a - b);
  const roots = [...new Set(data.twins.map(t => t.twin))];
  const series = roots.map((root, i) => ({i, name: nameOf(data.rows[root]),
    points: [root, ...data.twins.filter(t => t.twin === root).map(t => t.row)]
      .map(r => ({at: used.indexOf(rank(data.rows[r])), row: data.rows[r]})).sort(by('at'))
      .filter(p => p.row.values[measure])
      .map(p => [p.at, 100 * p.row.values[measure].value, p.row.unreliable])})).filter(s => s.points.length > 1);
  if (!series.length) return '';
  return lines(series, {lo: -.3, hi: used.length - .7, ticks: used.map((r, at) => ({at, text: order[r] || 'other'}))},
    span(series.flatMap(s => s.points.map(p => p[1]))), 'precision', 'Accuracy by precision');
}

/* ---- heat map: networks x noises ---- */
function heatmap(data, kind, severity, metric) {
  const pick = data.conditions.map((c, k) => ({...c, k})).filter(c => c.kind === kind &&
    (!severity || c.severity === severity));
  const groups = kind === 'natural' ? [...new Set(pick.map(c => c.noise))] : pick.map(c => c.label);
  if (!groups.length) return '<p>No such conditions here.</p>';
  const of = (row, g) => pick.filter(c => (kind === 'natural' ? c.noise : c.label) === g)
    .map(c => row.cells[c.k]).filter(Boolean);
  const head = groups.map(g => `<th scope="col" class="num tall"><span>${esc(g.replaceAll('_', ' '))}</span></th>`).join('');
  const body = data.rows.map((row, r) => '<tr><th scope="row">' + esc(nameOf(row)) + '</th>' + groups.map(g => {
    const cells = of(row, g), delta = mean(cells.map(c => c.delta ?? null).filter(v => v != null));
    if (!cells.length) return '<td class="num">–</td>';
    const value = mean(cells.map(c => c[metric]).filter(v => v != null));
    const one = cells.length === 1 ? data.conditions.findIndex((c, k) => row.cells[k] === cells[0]) : -1;
    const shade = Math.min(1, Math.abs(delta || 0) * (delta > 0 ? 4 : 1.2)).toFixed(3);
    const text = metric === 'delta' ? points(value) : pct(value);
    return `<td class="num tint ${delta > 0 ? 'up' : ''}" style="--t:${shade}">` + (one < 0 ? text :
      `<button type="button" class="cell" data-row="${r}" data-condition="${one}">${text}</button>`) + '</td>';
  }).join('') + '</tr>').join('');
  return `<div class="scroll"><table class="heat"><caption>${severity ? 'Severity ' + severity : 'Mean over all severities or conditions'}; darker: more lost against clean.</caption><thead><tr><th scope="col" class="name">Network</th>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/* ---- details of a cell ---- */
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
  const command = extra.commands[s].rows[r] + ' --noise ' + extra.commands[s].noises[k];
  const dialog = $('#details');
  dialog.innerHTML = `<button type="button" class="close" aria-label="Close">✕</button><h3 id="details-title">${esc(nameOf(row))}: ${esc(condition.label)}</h3>` +
    `<dl>${facts.map(([a, b]) => `<dt>${a}</dt><dd>${esc(b)}</dd>`).join('')}</dl><p class="note">This number again:</p><pre><code>${esc(command)}</code></pre><button type="button" class="copy">Copy</button>`;
  $('.close', dialog).onclick = () => dialog.close();
  $('.copy', dialog).onclick = e => navigator.clipboard?.writeText(command).then(() => { e.target.textContent = 'Copied'; });
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
function compare(s, a, b) {
  const data = board.sections[s], swap = a > b, pair = extra.pairs[s]?.[swap ? `${b}-${a}` : `${a}-${b}`];
  if (a === b) return '<p>Choose two different networks.</p>';
  if (!pair) return '<p>Too many networks for this page to hold every pair; the database has them.</p>';
  const lines = [];
  data.conditions.forEach((condition, k) => {
    const x = data.rows[a].cells[k], y = data.rows[b].cells[k];
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

/* ---- sparklines and forests ---- */
function spark(values) {
  const xs = values.filter(v => v != null);
  if (xs.length < 2) return '';
  const lo = Math.min(...xs), hi = Math.max(...xs), X = scale(0, xs.length - 1, 3, 81), Y = scale(lo, hi, 19, 3);
  return `<svg class="spark" viewBox="0 0 84 22" role="img" aria-label="Last ${xs.length} runs, from ${xs[0].toFixed(2)} to ${xs.at(-1).toFixed(2)}"><path fill="none" stroke="var(--accent)" stroke-width="1.5" d="${xs.map((v, i) => `${i ? 'L' : 'M'}${X(i).toFixed(1)} ${Y(v).toFixed(1)}`).join('')}"/><circle cx="81" cy="${Y(xs.at(-1))}" r="2.2" fill="var(--accent)"/></svg>`;
}
function forest(table) {
  const cells = $$('td.forest', table), values = cells.flatMap(c => [+c.dataset.lo, +c.dataset.hi]);
  const lo = Math.min(0, ...values), hi = Math.max(0, ...values), X = scale(lo, hi, 6, 194);
  for (const c of cells) {
    const v = +c.dataset.v, a = +c.dataset.lo, b = +c.dataset.hi;
    const tone = b < 0 ? 'rgb(var(--bad))' : a > 0 ? 'rgb(var(--good))' : 'var(--soft)';
    c.innerHTML = `<svg viewBox="0 0 200 26" preserveAspectRatio="none" aria-hidden="true"><path class="axis" d="M${X(0)} 0V26" stroke-dasharray="2 2"/><path stroke="${tone}" stroke-width="2" d="M${X(a)} 13H${X(b)}M${X(a)} 9V17M${X(b)} 9V17"/><circle cx="${X(v)}" cy="13" r="4" fill="${tone}"/></svg>`;
  }
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
  const attacks = [...new Set(data.conditions.filter(c => c.kind === 'adversarial' && c.eps != null).map(c => c.noise))];
  chart(section, 'Clean against robust', 'Up and right is better; whiskers are 95 % intervals.', measures, m => scatter(data, m));
  chart(section, 'By severity', 'Natural corruptions, from clean to severity 5.', [['', 'mean over corruptions'], ...noises.map(n => [n, n.replaceAll('_', ' ')])], n => severities(data, n));
  chart(section, 'By attack radius', 'What is left under an attack as ε grows.', attacks.map(a => [a, a]), a => epsCurves(data, a));
  chart(section, 'Precision ladder', 'The same network from full precision down.', [['natural', 'natural noise'], ['clean', 'clean'], ['adversarial', 'attacks'], ['system', 'system noise']], m => ladder(data, m));
}

function addHeat(section, s, data) {
  const box = $('.heatbox', section), present = kinds.slice(1).filter(k => data.conditions.some(c => c.kind === k));
  if (!present.length) { box.hidden = true; return; }
  const start = present.includes('natural') ? 'natural' : present[0];
  $('.bar', box).innerHTML = `<label>Family<select class="k">${options(present.map(k => [k, k === 'worst' ? 'per-sample worst' : k]), start)}</select></label><label>Severity<select class="s">${options([['0', 'all'], ...['1', '2', '3', '4', '5'].map(v => [v, v])], '0')}</select></label><label>Show<select class="m">${options([['delta', 'change against clean'], ['acc', 'top-1'], ['kept', 'share kept']], 'delta')}</select></label>`;
  const draw = () => {
    const kind = $('.k', box).value;
    $('.s', box).closest('label').hidden = kind !== 'natural';
    box.lastElementChild.innerHTML = heatmap(data, kind, kind === 'natural' ? +$('.s', box).value : 0, $('.m', box).value);
  };
  $$('select', box).forEach(el => el.addEventListener('change', draw));
  box.addEventListener('click', e => {
    const cell = e.target.closest('button.cell');
    if (cell) showCell(s, +cell.dataset.row, +cell.dataset.condition);
  });
  draw();
}

function addCompare(section, s, data) {
  const box = $('.comparebox', section);
  if (data.rows.length < 2) { box.hidden = true; return; }
  const twin = data.twins[0], a = twin ? twin.twin : 0, b = twin ? twin.row : 1;
  const names = data.rows.map((row, i) => [String(i), nameOf(row)]);
  $('.bar', box).innerHTML = `<label>First<select class="a">${options(names, String(a))}</select></label><label>Second<select class="b">${options(names, String(b))}</select></label>`;
  const draw = () => { box.lastElementChild.innerHTML = compare(s, +$('.a', box).value, +$('.b', box).value); };
  $$('select', box).forEach(el => el.addEventListener('change', () => { draw(); keep('compare', `${s}.${$('.a', box).value}.${$('.b', box).value}`); }));
  const asked = (state.get('compare') || '').split('.').map(Number);
  if (asked.length === 3 && asked[0] === s && data.rows[asked[1]] && data.rows[asked[2]]) {
    $('.a', box).value = asked[1];
    $('.b', box).value = asked[2];
  }
  draw();
}

function addControls(section, s, data) {
  const precisions = [...new Set(data.rows.map(r => r.precision))];
  $('.filters', section).innerHTML = `<label>Search<input type="search" class="search" placeholder="name, architecture, flag"></label>` +
    `<label>Precision<select class="precision">${options([['', 'all'], ...precisions.map(p => [p, p])], '')}</select></label>` +
    `<label>Flags<select class="flags">${options([['', 'all'], ['clean', 'none raised'], ['flagged', 'raised']], '')}</select></label>` +
    `<label>Show<span class="choice metric"><button type="button" value="acc">Top-1</button><button type="button" value="delta">Change</button><button type="button" value="worst">Worst</button></span></label><span class="count note" aria-live="polite"></span>`;
  $$('.search, .precision, .flags', section).forEach(el => el.addEventListener('input', () => filterRows(section)));
  $$('.metric button', section).forEach(b => b.addEventListener('click', () => { setMetric(section, b.value); keep('metric', b.value); }));
  for (const tr of $('.board', section).tBodies[0].rows) {
    const values = extra.history[s]?.[tr.dataset.row];
    const td = tr.querySelector('td.nights');
    if (td && values) td.innerHTML = spark(values);
    for (const cell of $$('td[data-condition]', tr)) {
      cell.innerHTML = `<button type="button" class="cell">${cell.innerHTML}</button>`;
      cell.firstChild.addEventListener('click', () => showCell(s, +tr.dataset.row, +cell.dataset.condition));
    }
  }
  if (!extra.history[s]?.some(values => values.length > 1)) {
    const column = $$('.board thead th', section).findIndex(th => th.textContent === 'Runs');
    $$('.board tr', section).forEach(tr => { if (column >= 0) tr.cells[column].hidden = true; });
  }
  filterRows(section);
}

function setSection(index) {
  $$('section.dataset').forEach((el, i) => { el.hidden = i !== index; });
  $$('#sections button').forEach((b, i) => b.setAttribute('aria-pressed', String(i === index)));
}

function start() {
  document.documentElement.classList.add('live');
  $$('section.dataset').forEach((section, s) => {
    const data = board.sections[s];
    enableSorting($('.board', section));
    addControls(section, s, data);
    $$('.cost', section).forEach(forest);
    addCharts(section, data);
    addHeat(section, s, data);
    addCompare(section, s, data);
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
