'use strict';
/*
 * Charts as strings of SVG; what they show is in the tables, too. Part of the page's script.
 */
function scale(lo, hi, from, to) {
  return v => from + (hi === lo ? .5 : (v - lo) / (hi - lo)) * (to - from);
}
function ticks(lo, hi) {
  const step = [.05, .1, .2, .5, 1, 2, 5, 10, 20, 25].find(s => (hi - lo) / s <= 6) || 50, out = [];
  for (let t = Math.ceil(lo / step) * step; t <= hi + 1e-9; t += step) out.push(+t.toFixed(2));
  return out;
}
function frame(width, height, x, y, xLabel, yLabel) {
  const box = {l: 50, r: width - 12, t: 10, b: height - 38};
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

/* An attack whatever its radius: its line without eps. */
const attackOf = c => c.kind === 'adversarial' && c.eps != null ? c.label.replace(/ eps=\S+/, '') : null;
function epsCurves(data, attack) {
  const linf = data.conditions.some(c => attackOf(c) === attack && c.norm === 'Linf');
  const series = data.rows.map((row, i) => ({i, name: nameOf(row), points: data.conditions
    .map((c, k) => attackOf(c) === attack && row.cells[k] ?
      [linf ? +(255 * c.eps).toFixed(3) : c.eps, 100 * row.cells[k].acc, !!row.cells[k].flags && row.unreliable] : null)
    .filter(Boolean).sort((a, b) => a[0] - b[0])})).filter(s => s.points.length);
  for (const s of series)
    if (data.rows[s.i].values.clean) s.points.unshift([0, 100 * data.rows[s.i].values.clean.value]);
  if (!series.length) return '';
  const most = Math.max(...series.flatMap(s => s.points.map(p => p[0])));
  return lines(series, {lo: 0, hi: most, ticks: ticks(0, most)}, {lo: 0, hi: span(series.flatMap(s => s.points.map(p => p[1]))).hi},
    linf ? 'ε · 255' : 'ε', `Accuracy by ε under ${attack}`);
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

/* ---- heat map: networks x noises, of the conditions ks ---- */
function heatmap(s, kind, ks, metric) {
  const data = board.sections[s], pick = ks.filter(k => data.conditions[k].kind === kind);
  const groupOf = k => kind === 'natural' ? data.conditions[k].noise : data.conditions[k].label;
  const groups = [...new Set(pick.map(groupOf))];
  if (!groups.length) return '<p>None of the conditions chosen is of this family.</p>';
  const head = groups.map(g => `<th scope="col" class="num tall"><span>${esc(g.replaceAll('_', ' '))}</span></th>`).join('');
  const body = data.rows.map((row, r) => '<tr><th scope="row">' + esc(nameOf(row)) + '</th>' +
    groups.map(g => heatCell(s, r, pick.filter(k => groupOf(k) === g && row.cells[k]), metric)).join('') + '</tr>').join('');
  return `<div class="scroll"><table class="heat"><caption>${pick.length} conditions${pick.length > groups.length ? ', the mean of each noise' : ''}; darker: more lost against clean.</caption><thead><tr><th scope="col" class="name">Network</th>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}
function heatCell(s, r, ks, metric) {
  if (!ks.length) return '<td class="num">–</td>';
  const data = board.sections[s], row = data.rows[r], one = ks.length === 1 ? row.cells[ks[0]] : null;
  const delta = mean(ks.map(k => row.cells[k].delta).filter(v => v != null));
  const value = mean(ks.map(k => row.cells[k][metric]).filter(v => v != null));
  const shade = Math.min(1, Math.abs(delta || 0) * (delta > 0 ? 4 : 1.2)).toFixed(3);
  const text = metric === 'nights' ? spark(pastOf(s, r, ks)) || '–' : metric === 'delta' ? points(value) : pct(value);
  const hint = one ? `${data.conditions[ks[0]].label}: ${pct(one.acc)} [${pct(one.lo)}, ${pct(one.hi)}]` : `mean of ${ks.length} conditions`;
  return `<td class="num tint ${delta > 0 ? 'up' : ''}" style="--t:${shade}" title="${esc(hint)}">` + (!one ? text :
    `<button type="button" class="cell" data-row="${r}" data-condition="${ks[0]}">${text}</button>`) + '</td>';
}

/* ---- the last nights ---- */

/* A share a night, the mean over conditions ks; nights before all of them began are left out. */
function pastOf(s, r, ks) {
  const past = extra.history[s], sum = past.nights.map(() => 0);
  let first = 0;
  for (const k of ks) {
    const changes = past.rows[r][k];
    if (!changes.length) return [];
    first = Math.max(first, changes[0]);
    for (let night = changes[0], i = 0; night < sum.length; night++) {
      if (changes[i + 2] === night) i += 2;
      sum[night] += changes[i + 1] / ks.length;
    }
  }
  return ks.length ? sum.map((v, night) => [night, v]).slice(first) : [];
}
function spark(values) {
  if (values.length < 2) return '';
  const shares = values.map(v => v[1]), lo = Math.min(...shares), hi = Math.max(...shares), last = values.length - 1;
  const X = scale(0, last, 3, 81), Y = hi - lo < 1e-9 ? () => 11 : scale(lo, hi, 19, 3);
  return `<svg class="spark" viewBox="0 0 84 22" role="img" aria-label="Last ${values.length} runs, from ${pct(shares[0])} to ${pct(shares[last])}"><path fill="none" stroke="var(--accent)" stroke-width="1.5" d="${shares.map((v, i) => `${i ? 'L' : 'M'}${X(i).toFixed(1)} ${Y(v).toFixed(1)}`).join('')}"/><circle cx="81" cy="${Y(shares[last]).toFixed(1)}" r="2.2" fill="var(--accent)"/></svg>`;
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
