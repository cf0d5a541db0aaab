#!/usr/bin/env python3
"""The HTML leaderboard: valid HTML by Tidy, and in headless Chromium sort, filter, choose
conditions, compare, themes, widths.

Usage: test_page.py PAGE_WRITER     a program that writes a page of a made store
Skips with one line each where there is no Tidy, no Chromium. Prints TAP.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Runs in the page after its own script; what it finds goes to the body as one line each.
PROBE = r"""
<script>
addEventListener('load', () => {
  const out = [], check = (name, ok, seen) => out.push((ok ? 'ok ' : 'not ok ') + name + (ok ? '' : ': ' + seen));
  try {
    const table = $('.board'), names = () => $$('tbody tr', table).filter(tr => !tr.hidden).map(tr => tr.querySelector('th').textContent);
    const before = names();
    check('the night stands above', $('.night details').open && $('.night').textContent.includes('1 worse'), $('.night')?.textContent);
    check('three networks', before.length === 3, before);
    const head = text => $$('thead th', table).find(th => th.textContent.startsWith(text));
    $('button', head('Network')).click();
    check('sorts by name', names().join() === 'alpha,alpha-int8,beta', names());
    $('button', head('Network')).click();
    check('sorts back', names().join() === 'beta,alpha-int8,alpha', names());
    check('says so to screen readers', head('Network').getAttribute('aria-sort') === 'descending', head('Network').outerHTML);
    $('button', head('Natural')).click();
    const column = [...table.tHead.rows[0].cells].indexOf(head('Natural'));
    const values = $$('tbody tr', table).map(tr => +tr.cells[column].dataset.acc);
    check('sorts numbers from the best', values.every((v, i) => !i || values[i - 1] >= v), values);
    check('brackets follow the measure', table.tBodies[0].rows[0].cells[0].textContent === '1', table.tBodies[0].rows[0].cells[0].outerHTML);
    $('.metric button[value=delta]').click();
    check('switches to changes', getComputedStyle($('.m-delta', table)).display !== 'none' && getComputedStyle($('.m-acc', table)).display === 'none', table.dataset.metric);
    check('keeps the view in the address', /metric=delta/.test(location.hash) && /sort=/.test(location.hash), location.hash);
    $('.metric button[value=acc]').click();
    const set = (selector, value) => { const el = $(selector); el.value = value; el.dispatchEvent(new Event('input')); el.dispatchEvent(new Event('change')); };
    set('[data-key=q]', 'int8');
    check('filters', names().join() === 'alpha-int8', names());
    check('says how many', $('.filters .count').textContent === '1 of 3 networks', $('.filters .count').textContent);
    set('[data-key=q]', '');
    set('[data-key=precision]', 'fp32');
    check('filters by precision', names().length === 2, names());
    set('[data-key=precision]', '');

    const data = board.sections[0], at = label => data.conditions.findIndex(c => c.label === label);
    const tr = name => $$('tbody tr', table).find(tr => tr.querySelector('th').textContent === name);
    const rowOf = name => data.rows.findIndex(row => nameOf(row) === name);
    const shows = text => !$$('thead th', table).find(th => th.textContent.startsWith(text)).hidden;
    check('nothing chosen, no column', $('thead .chosen', table).hidden && shows('Attacked'), table.tHead.textContent);
    set('[data-key=kind]', 'natural');
    set('[data-key=severity]', '3');
    const mean3 = 50 * (data.rows[rowOf('beta')].cells[at('fog:3')].acc + data.rows[rowOf('beta')].cells[at('gaussian_noise:3')].acc);
    check('family and severity choose two', $('.conditions .count').textContent === '2 of 21 conditions', $('.conditions .count').textContent);
    check('their mean is a column', Math.abs(100 * $('.chosen', tr('beta')).dataset.acc - mean3) < 1e-9 && !$('.chosen', tr('beta')).hidden, $('.chosen', tr('beta')).outerHTML + mean3);
    check('other families step back', shows('Natural') && shows('Clean') && !shows('Attacked') && !shows('System'), table.tHead.textContent);
    check('the heat map follows', $$('.heat thead th').length === 3 && /2 conditions/.test($('.heat caption').textContent), $('.heat').outerHTML.slice(0, 400));
    check('the comparison follows', $$('.comparebox tbody tr').length === 2, $$('.comparebox tbody tr').length);
    $('button', head('Chosen')).click();
    check('sorts by what is chosen', $$('tbody tr', table).map(r => +$('.chosen', r).dataset.acc).every((v, i, all) => !i || all[i - 1] >= v), table.tBodies[0].textContent);
    check('keeps what is chosen in the address', /kind=natural/.test(location.hash) && /severity=3/.test(location.hash), location.hash);
    set('[data-key=noise]', 'fog');
    check('a single one has its interval', /±/.test($('.chosen', tr('beta')).textContent), $('.chosen', tr('beta')).textContent);
    $('.clear').click();
    check('gives all back', $('thead .chosen', table).hidden && shows('Attacked') && $$('.comparebox tbody tr').length === 21 && !/kind=/.test(location.hash), location.hash);
    set('[data-key=norm]', 'Linf');
    set('[data-key=eps]', '2/255');
    check('norm and eps choose one', $('.conditions .count').textContent === '1 of 21 conditions', $('.conditions .count').textContent);
    $('.clear').click();

    $('.metric button[value=kept]').click();
    const natural = [...table.tHead.rows[0].cells].indexOf(head('Natural'));
    const kept = mean(data.conditions.map((c, k) => c.kind === 'natural' ? data.rows[rowOf('beta')].cells[k].kept : null).filter(v => v != null));
    check('shows the share kept', $('.m-kept', tr('beta').cells[natural]).textContent === pct(kept) && getComputedStyle($('.m-kept', table)).display !== 'none', $('.m-kept', table).outerHTML);
    $('.metric button[value=acc]').click();

    check('the night before is known', extra.history[0].nights.length === 2, extra.history[0].nights);
    const fog = pastOf(0, rowOf('alpha'), [at('fog:1')]);
    check('a number and its past', fog.length === 2 && fog[0][1] > .95 && Math.abs(fog[1][1] - data.rows[rowOf('alpha')].cells[at('fog:1')].acc) < 1e-6, fog);
    check('what is new has no line', pastOf(0, rowOf('alpha'), [at('fog:2')]).length === 1, pastOf(0, rowOf('alpha'), [at('fog:2')]));
    set('.heatbox select.m', 'nights');
    set('[data-key=noise]', 'fog');
    set('[data-key=severity]', '1');
    check('a line for each cell', $$('.heat .spark').length === 1, $('.heat').outerHTML);
    $('.heat button.cell .spark').closest('button').click();
    check('details tell the change', /2; changed \d{4}/.test($('#details').textContent) && $('#details .spark'), $('#details').textContent);
    $('#details .close').click();
    $('.clear').click();
    check('draws four charts', $$('.charts.js figure svg[role=img]').length === 4, $$('.charts.js figure svg').length);
    check('charts have names', $$('.charts.js svg[role=img]').every(s => s.getAttribute('aria-label')), 'unnamed');
    check('no number went astray', !/NaN|undefined|Infinity/.test(document.body.innerText + $$('svg').map(s => s.outerHTML).join()), (document.body.innerHTML.match(/.{30}(NaN|undefined|Infinity).{30}/) || [''])[0]);
    set('.heatbox select.m', 'kept');
    check('heat map of kept', $$('.heat tbody tr').length === 3, $$('.heat tbody tr').length);
    check('the terminal\'s other tables are there', $$('.more h3').some(h => h.textContent.startsWith('Corruption errors')) && $$('.more table').length === $$('.more h3').length, $('.more')?.textContent);
    const rows = $$('.comparebox tbody tr');
    check('compares condition by condition', rows.length === 21, rows.length);
    set('.comparebox select.b', $('.comparebox select.a').value);
    check('asks for two different ones', /different/.test($('.comparebox').textContent), $('.comparebox').textContent);
    check('p values as ours', [[5, 0, .0625], [6, 0, .03125], [10, 3, .09228515625], [0, 0, 1]].every(([b, c, p]) => Math.abs(mcnemar(b, c) - p) < 1e-9), mcnemar(10, 3));
    check('Holm as ours', holm([.01, .04, .03, .005]).map(p => p.toFixed(2)).join() === '0.03,0.06,0.06,0.02', holm([.01, .04, .03, .005]));
    $('td[data-condition] button', table).click();
    check('opens details', $('#details').open && /gauntlet run --model/.test($('#details').textContent), $('#details').innerHTML);
    $('#details .close').click();
    check('closes them', !$('#details').open, 'open');
    const light = c => { const [r, g, b] = c.match(/\d+/g).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
    const contrast = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
    const paper = () => getComputedStyle(document.body).backgroundColor, before2 = paper();
    const legible = () => ['body', '.lead', 'figcaption', 'button'].map(s => contrast(getComputedStyle($(s)).color, paper()));
    check('legible in the first theme', legible().every(c => c >= 4.5), legible());
    $('#theme').click();
    check('changes the theme', paper() !== before2, before2);
    check('legible in the second', legible().every(c => c >= 4.5), legible());
    check('fits its width', document.documentElement.scrollWidth <= innerWidth, document.documentElement.scrollWidth + ' > ' + innerWidth);
    check('every control has a name', $$('button, select, input').every(e => e.textContent.trim() || e.getAttribute('aria-label') || e.closest('label')), $$('button, select, input').find(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.closest('label')))?.outerHTML);
    check('every header has a scope', $$('th').every(th => th.scope), $$('th').find(th => !th.scope)?.outerHTML);
  } catch (e) { out.push('not ok script: ' + e.stack); }
  const pre = document.createElement('pre');
  pre.id = 'probe';
  pre.textContent = out.join('\n');
  document.body.append(pre);
  if (parent !== window) parent.postMessage(pre.textContent, '*');
});
</script>
</body>"""


# Chromium's windows are 500 wide at least; a phone's width is that of a frame.
FRAME = """<!DOCTYPE html><meta charset="utf-8"><title>frame</title>
<body style="margin:0"><iframe src="{page}" style="border:0;width:{width}px;height:1200px"></iframe>
<pre id="probe"></pre><script>
addEventListener('message', e => {{ document.getElementById('probe').textContent = e.data; }});
</script></body>"""


def browse(chromium, page, width):
    """The page as it stands after its script, and what the script's console said."""
    run = subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu",
                          f"--window-size={width},1200", "--virtual-time-budget=4000",
                          "--dump-dom", page.as_uri()], capture_output=True, text=True,
                         timeout=120)
    return run.stdout, run.stderr


def probe(chromium, page, width):
    if width < 500:
        frame = page.with_name("frame.html")
        frame.write_text(FRAME.format(page=page.name, width=width))
        page = frame
    dom, console = browse(chromium, page, max(width, 500))
    match = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.S)
    return match[1].split("\n") if match else [f"not ok nothing came back: {console[-300:]}"]


def validate(name, page):
    """Tidy's errors and warnings; empty elements are places that the script fills."""
    tidy = shutil.which("tidy")
    if not tidy:
        return f"ok # SKIP no tidy: {name} was not checked"
    run = subprocess.run([tidy, "-quiet", "-errors", "--drop-empty-elements", "no"],
                         input=page, capture_output=True, text=True)
    said = run.stderr.strip().replace("\n", "; ")
    return f"not ok {name} is valid: {said[:300]}" if run.returncode or said else f"ok {name} is valid"


def main(writer):
    page = subprocess.run([writer], capture_output=True, check=True).stdout.decode()
    results = []

    def check(name, ok):
        results.append(("ok " if ok else "not ok ") + name)

    again = subprocess.run([writer], capture_output=True, check=True).stdout.decode()
    # two stores made one after the other differ in their times alone
    stamp = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z?)?")
    check("same store, same bytes", stamp.sub("", page) == stamp.sub("", again))
    check("refers to nothing outside", not re.search(r"(src|href)=\"(?!#)|https?:|@import|url\(", page))
    table = page[page.index('class="board"'):]
    check("without a script the sorted table is there",
          table.index(">alpha<") < table.index(">beta<") and "data-acc=" in table)

    results.append(validate("the page", page))

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "page.html")
            file.write_text(page)
            results.append(validate("what the script makes of it", browse(chromium, file, 1280)[0]))
            file.write_text(page.replace("</body>", PROBE))
            for width in (1280, 390):
                results += [f"{line} ({width} wide)" for line in probe(chromium, file, width)]
    else:
        results.append("ok # SKIP no chromium: the page was not looked at")
    print(f"1..{len(results)}")
    for number, line in enumerate(results, 1):
        word, _, name = line.partition("ok ")
        print(f"{word}ok {number} - {name.replace('&gt;', '>')}")
    return any(line.startswith("not") for line in results)


os.environ.pop("DISPLAY", None)
sys.exit(main(sys.argv[1]))
