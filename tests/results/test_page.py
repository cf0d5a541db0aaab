#!/usr/bin/env python3
"""The HTML leaderboard in headless Chromium: sort, filter, switch, compare, themes, widths.

Usage: test_page.py PAGE_WRITER     a program that writes a page of a made store
Skips with one line where there is no Chromium. Prints TAP.
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
    $('.search').value = 'int8';
    $('.search').dispatchEvent(new Event('input'));
    check('filters', names().join() === 'alpha-int8', names());
    check('says how many', $('.count').textContent === '1 of 3 networks', $('.count').textContent);
    $('.search').value = '';
    $('.search').dispatchEvent(new Event('input'));
    check('draws four charts', $$('.charts.js figure svg[role=img]').length === 4, $$('.charts.js figure svg').length);
    check('charts have names', $$('.charts.js svg[role=img]').every(s => s.getAttribute('aria-label')), 'unnamed');
    check('no number went astray', !/NaN|undefined|Infinity/.test(document.body.innerText + $$('svg').map(s => s.outerHTML).join()), (document.body.innerHTML.match(/.{30}(NaN|undefined|Infinity).{30}/) || [''])[0]);
    $('.heatbox select.m').value = 'kept';
    $('.heatbox select.m').dispatchEvent(new Event('change'));
    check('heat map of kept', $$('.heat tbody tr').length === 3, $$('.heat tbody tr').length);
    const rows = $$('.comparebox tbody tr');
    check('compares condition by condition', rows.length === 21, rows.length);
    const self = $('.comparebox select.b');
    self.value = $('.comparebox select.a').value;
    self.dispatchEvent(new Event('change'));
    check('asks for two different ones', /different/.test($('.comparebox').textContent), $('.comparebox').textContent);
    check('p values as ours', [[5, 0, .0625], [6, 0, .03125], [10, 3, .09228515625], [0, 0, 1]].every(([b, c, p]) => Math.abs(mcnemar(b, c) - p) < 1e-9), mcnemar(10, 3));
    check('Holm as ours', holm([.01, .04, .03, .005]).map(p => p.toFixed(2)).join() === '0.03,0.06,0.06,0.02', holm([.01, .04, .03, .005]));
    $('td[data-condition] button', table).click();
    check('opens details', $('#details').open && /gauntlet run --model/.test($('#details').textContent), $('#details').innerHTML);
    $('#details .close').click();
    check('closes them', !$('#details').open, 'open');
    const paper = () => getComputedStyle(document.body).backgroundColor, light = paper();
    $('#theme').click();
    check('changes the theme', paper() !== light, light);
    check('fits its width', document.documentElement.scrollWidth <= innerWidth, document.documentElement.scrollWidth + ' > ' + innerWidth);
    check('every control has a name', $$('button, select, input').every(e => e.textContent.trim() || e.getAttribute('aria-label') || e.closest('label')), $$('button, select, input').find(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.closest('label')))?.outerHTML);
    check('every header has a scope', $$('th').every(th => th.scope), $$('th').find(th => !th.scope)?.outerHTML);
  } catch (e) { out.push('not ok script: ' + e.stack); }
  const pre = document.createElement('pre');
  pre.id = 'probe';
  pre.textContent = out.join('\n');
  document.body.append(pre);
});
</script>
</body>"""


def browse(chromium, page, width):
    run = subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu",
                          f"--window-size={width},1200", "--virtual-time-budget=4000",
                          "--dump-dom", page.as_uri()], capture_output=True, text=True,
                         timeout=120)
    match = re.search(r'<pre id="probe">(.*?)</pre>', run.stdout, re.S)
    return match[1].split("\n") if match else [f"not ok nothing came back: {run.stderr[-300:]}"]


def main(writer):
    page = subprocess.run([writer], capture_output=True, check=True).stdout.decode()
    results = []

    def check(name, ok):
        results.append(("ok " if ok else "not ok ") + name)

    again = subprocess.run([writer], capture_output=True, check=True).stdout.decode()
    # two stores made one after the other differ in their times alone
    stamp = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{4}-\d\d-\d\d")
    check("same store, same bytes", stamp.sub("", page) == stamp.sub("", again))
    check("refers to nothing outside", not re.search(r"(src|href)=\"(?!#)|https?:|@import|url\(", page))
    table = page[page.index('class="board"'):]
    check("without a script the sorted table is there",
          table.index(">alpha<") < table.index(">beta<") and "data-acc=" in table)

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "page.html")
            file.write_text(page.replace("</body>", PROBE))
            for width in (1280, 500):
                results += [f"{line} ({width} wide)" for line in browse(chromium, file, width)]
    else:
        results.append("ok # SKIP no chromium: the page was not looked at")
    print(f"1..{len(results)}")
    for number, line in enumerate(results, 1):
        word, _, name = line.partition("ok ")
        print(f"{word}ok {number} - {name.replace('&gt;', '>')}")
    return any(line.startswith("not") for line in results)


os.environ.pop("DISPLAY", None)
sys.exit(main(sys.argv[1]))
