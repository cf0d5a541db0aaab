/* The night's report: for eyes, for a mail, and for a build server. */
#include "results/nightly.h"

#include "base/text.h"
#include "results/leaderboard/html.h"
#include "results/leaderboard/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAME_SHOWN = 5 }; /* cells that changed by chance, but for the Markdown report */

static const char *headline(const struct night *night, struct arena *arena)
{
    struct text text = {0};
    text_addf(&text, "%s, %.16s", night->suite, night->started);
    if (night->against)
        text_addf(&text, " against %.16s", night->against_started);
    text_add(&text, ":");
    static const enum night_verdict order[] = {
        VERDICT_WORSE, VERDICT_BETTER, VERDICT_SAME, VERDICT_IDENTICAL,
        VERDICT_NEW,   VERDICT_GONE,   VERDICT_UNREACHED};
    for (size_t i = 0; i < VERDICTS; i++)
        if (night->counts[order[i]])
            text_addf(&text, "%s %zu %s", text.data[text.size - 1] == ':' ? "" : ",",
                      night->counts[order[i]], verdict_names[order[i]]);
    size_t failed = 0;
    for (size_t i = 0; i < night->n_gates; i++)
        failed += !night->gates[i].holds;
    if (night->n_gates)
        text_addf(&text, "; %zu of %zu gates hold", night->n_gates - failed, night->n_gates);
    if (night->canaries)
        text_addf(&text, "; %zu of %zu canaries the same", night->canaries -
                  night->canaries_changed, night->canaries);
    const char *line = arena_copy(arena, text.data);
    text_clear(&text);
    return line;
}

/* What a report lists: first what got worse or is gone, then what got better, then what
 * changed by no more than chance, the largest changes first and at most so many. */
struct choice {
    const struct night_cell **cells;
    size_t count, left_out;
};

static double change_of(const struct night_cell *cell)
{
    return cell->after_acc - cell->before_acc;
}

static int by_change(const void *a, const void *b)
{
    const struct night_cell *const *left = a, *const *right = b;
    double x = fabs(change_of(*left)), y = fabs(change_of(*right));
    return x != y ? (x < y) - (x > y) : (*left > *right) - (*left < *right);
}

static struct choice choose(const struct night *night, size_t most_same)
{
    static const enum night_verdict order[] = {VERDICT_WORSE, VERDICT_GONE, VERDICT_BETTER,
                                               VERDICT_SAME};
    struct choice choice = {.cells = mem_array(night->n_cells + 1, sizeof *choice.cells)};
    size_t same = 0;
    for (size_t k = 0; k < 4; k++) {
        same = choice.count;
        for (size_t i = 0; i < night->n_cells; i++)
            if (night->cells[i].verdict == order[k])
                choice.cells[choice.count++] = &night->cells[i];
    }
    qsort(choice.cells + same, choice.count - same, sizeof *choice.cells, by_change);
    if (choice.count - same > most_same) {
        choice.left_out = choice.count - same - most_same;
        choice.count = same + most_same;
    }
    return choice;
}

static void change_row(struct sheets *sheets, struct sheet *sheet, size_t at,
                       const struct night_cell *cell)
{
    struct arena *arena = &sheets->arena;
    char before[16], after[16], change[16];
    enum sheet_tone tone = cell->verdict == VERDICT_WORSE || cell->verdict == VERDICT_GONE
                               ? TONE_BAD
                           : cell->verdict == VERDICT_BETTER ? TONE_GOOD
                                                             : TONE_PLAIN;
    double half = cell->paired ? 195.9964 * stats_paired_se(cell->lost, cell->won, cell->n) : 0;
    sheet_set(sheet, at, 0, verdict_names[cell->verdict], tone);
    sheet_set(sheet, at, 1, cell->model, TONE_PLAIN);
    sheet_set(sheet, at, 2, cell->dataset, TONE_PLAIN);
    sheet_set(sheet, at, 3, cell->condition, TONE_PLAIN);
    sheet_set(sheet, at, 4, arena_copy(arena, board_percent(cell->before_acc, before)),
              TONE_PLAIN);
    sheet_set(sheet, at, 5, arena_copy(arena, board_percent(cell->after_acc, after)),
              TONE_PLAIN);
    board_points(change_of(cell), change);
    sheet_set(sheet, at, 6, cell->paired ? arena_format(arena, "%s ±%.2f", change, half)
                                         : arena_copy(arena, change), tone);
    sheet_set(sheet, at, 7, cell->paired ? arena_format(arena, "%lld/%lld",
                                                        (long long)cell->lost,
                                                        (long long)cell->won) : "", TONE_PLAIN);
    sheet_set(sheet, at, 8, cell->paired ? arena_format(arena, "%.2g", cell->adjusted) : "",
              TONE_PLAIN);
}

static void add_changes(const struct choice *choice, struct sheets *sheets)
{
    if (!choice->count)
        return;
    struct sheet *sheet = sheet_add(sheets, "Changed cells", choice->count, 9);
    sheet->note = "Change in points with its paired 95 % interval; flips: lost/won; p: exact "
                  "McNemar after Holm over all cells computed anew.";
    if (choice->left_out)
        sheet->note = arena_format(&sheets->arena, "%s %zu more that changed by no more than "
                                   "chance are in the Markdown report.", sheet->note,
                                   choice->left_out);
    static const struct sheet_column columns[] = {
        {"Verdict", false, 0}, {"Model", false, 0}, {"Dataset", false, 4},
        {"Condition", false, 0}, {"Before", true, 3}, {"Now", true, 1}, {"Change", true, 0},
        {"Flips", true, 0}, {"p", true, 2},
    };
    for (size_t i = 0; i < 9; i++)
        sheet_column(sheet, columns[i].title, columns[i].right, columns[i].spare);
    for (size_t i = 0; i < choice->count; i++)
        change_row(sheets, sheet, i, choice->cells[i]);
}

static void add_gates(const struct night *night, struct sheets *sheets)
{
    if (!night->n_gates)
        return;
    struct sheet *sheet = sheet_add(sheets, "Gates", night->n_gates, 3);
    sheet_column(sheet, "Holds", false, 0);
    sheet_column(sheet, "Gate", false, 0);
    sheet_column(sheet, "Values", false, 0);
    for (size_t i = 0; i < night->n_gates; i++) {
        sheet_set(sheet, i, 0, night->gates[i].holds ? "yes" : "NO",
                  night->gates[i].holds ? TONE_GOOD : TONE_BAD);
        sheet_set(sheet, i, 1, night->gates[i].text, TONE_PLAIN);
        sheet_set(sheet, i, 2, night->gates[i].outcome, TONE_PLAIN);
    }
}

static void add_slow(const struct night *night, struct sheets *sheets)
{
    if (!night->n_slow)
        return;
    struct sheet *sheet = sheet_add(sheets, "More than usual", night->n_slow, 5);
    sheet->note = "CPU seconds, or MiB of memory for the whole night, against the median of up "
                  "to seven earlier nights; beyond four robust deviations and 10 %. Since: "
                  "where a fit of steps to all nights has its last rise.";
    static const struct sheet_column columns[] = {
        {"Model", false, 0}, {"Condition", false, 0}, {"Usual", true, 0}, {"Now", true, 0},
        {"Since", false, 1},
    };
    for (size_t i = 0; i < 5; i++)
        sheet_column(sheet, columns[i].title, columns[i].right, columns[i].spare);
    for (size_t i = 0; i < night->n_slow; i++) {
        const struct night_slow *slow = &night->slow[i];
        const char *unit = *slow->condition ? "s" : "MiB";
        sheet_set(sheet, i, 0, *slow->model ? slow->model : "(the night)", TONE_PLAIN);
        sheet_set(sheet, i, 1, *slow->condition ? slow->condition : "peak memory", TONE_PLAIN);
        sheet_set(sheet, i, 2, arena_format(&sheets->arena, "%.2f %s", slow->usual, unit),
                  TONE_PLAIN);
        sheet_set(sheet, i, 3, arena_format(&sheets->arena, "%.2f %s", slow->now, unit),
                  TONE_BAD);
        sheet_set(sheet, i, 4, slow->since ? arena_format(&sheets->arena, "%.10s", slow->since)
                                           : "", TONE_PLAIN);
    }
}

static void flip_row(struct sheets *sheets, struct sheet *sheet, size_t at, size_t most,
                     const struct night_cell *cell)
{
    struct text keys = {0};
    size_t shown = cell->n_flips < most ? cell->n_flips : most;
    size_t flips = (size_t)(cell->lost + cell->won);
    for (size_t k = 0; k < shown; k++)
        text_addf(&keys, "%s%s", k ? " " : "", cell->flips[k]);
    if (flips > shown)
        text_addf(&keys, " and %zu more", flips - shown);
    sheet_set(sheet, at, 0, cell->model, TONE_PLAIN);
    sheet_set(sheet, at, 1, cell->condition, TONE_PLAIN);
    sheet_set(sheet, at, 2, arena_copy(&sheets->arena, keys.data), TONE_PLAIN);
    text_clear(&keys);
}

/* Which images flipped in the cells listed: at most `most` keys a cell. */
static void add_flips(const struct choice *choice, size_t most, struct sheets *sheets)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < choice->count; i++)
        count += choice->cells[i]->n_flips > 0;
    if (!count)
        return;
    struct sheet *sheet = sheet_add(sheets, "Flipped samples", count, 3);
    sheet_column(sheet, "Model", false, 0);
    sheet_column(sheet, "Condition", false, 0);
    sheet_column(sheet, "Lost, then won", false, 0);
    for (size_t i = 0; i < choice->count; i++)
        if (choice->cells[i]->n_flips)
            flip_row(sheets, sheet, at++, most, choice->cells[i]);
}

static void put_case(struct text *out, const char *class, const char *name,
                     const char *failure)
{
    text_add(out, "  <testcase classname=\"");
    html_text(out, class);
    text_add(out, "\" name=\"");
    html_text(out, name);
    text_add(out, failure ? "\">\n    <failure message=\"" : "\"/>\n");
    if (failure) {
        html_text(out, failure);
        text_add(out, "\"/>\n  </testcase>\n");
    }
}

static void put_cell_case(struct text *out, const struct night_cell *cell)
{
    char *name = mem_format("%s %s", cell->dataset, cell->condition), *failure = NULL;
    if (cell->verdict == VERDICT_WORSE)
        failure = mem_format("%.2f %% before, %.2f %% now: %lld lost, %lld won, p %.2g",
                             100 * cell->before_acc, 100 * cell->after_acc,
                             (long long)cell->lost, (long long)cell->won, cell->adjusted);
    put_case(out, cell->model, name, failure);
    free(name);
    free(failure);
}

/* JUnit's XML, as build servers read it: a test per cell, per gate, one for canaries. */
static void write_junit(const struct night *night, FILE *out)
{
    struct text text = {0};
    size_t failures = night->counts[VERDICT_WORSE] + (night->canaries_changed > 0);
    for (size_t i = 0; i < night->n_gates; i++)
        failures += !night->gates[i].holds;
    size_t tests = night->n_cells + night->n_gates + (night->canaries > 0);
    text_add(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
    html_text(&text, night->suite);
    text_addf(&text, "\" tests=\"%zu\" failures=\"%zu\" timestamp=\"%.19s\">\n", tests,
              failures, night->started);
    for (size_t i = 0; i < night->n_cells; i++)
        put_cell_case(&text, &night->cells[i]);
    for (size_t i = 0; i < night->n_gates; i++)
        put_case(&text, "gates", night->gates[i].text,
                 night->gates[i].holds ? NULL : night->gates[i].outcome);
    if (night->canaries) {
        char *changed = mem_format("%zu of %zu came out different", night->canaries_changed,
                                   night->canaries);
        put_case(&text, "canaries", "the same bytes as before",
                 night->canaries_changed ? changed : NULL);
        free(changed);
    }
    text_add(&text, "</testsuite>\n");
    fputs(text.data, out);
    text_clear(&text);
}

/* The page's part: its line, and the tables below it, open when something got worse. */
static void write_html(const char *line, const struct night *night,
                       const struct sheets *sheets, FILE *out)
{
    struct text text = {0};
    text_add(&text, "<section class=\"night\" aria-labelledby=\"night\">\n<h2 id=\"night\">");
    html_text(&text, line);
    text_add(&text, "</h2>\n");
    if (night->work) {
        text_add(&text, "<p class=\"note\">");
        html_text(&text, night->work);
        text_add(&text, "</p>\n");
    }
    if (sheets->count)
        text_addf(&text, "<details%s><summary>", night_regressed(night) ? " open" : "");
    for (size_t i = 0; i < sheets->count; i++) {
        text_add(&text, i ? ", " : "");
        html_text(&text, sheets->items[i].title);
    }
    text_add(&text, sheets->count ? "</summary>\n" : "");
    for (size_t i = 0; i < sheets->count; i++)
        html_sheet(&text, &sheets->items[i]);
    text_add(&text, sheets->count ? "</details>\n</section>\n" : "</section>\n");
    fputs(text.data, out);
    text_clear(&text);
}

static void write_head(const char *line, const struct night *night, bool markdown, FILE *out)
{
    fputs(markdown ? "## " : "", out);
    if (markdown)
        markdown_text(line, out);
    else
        fputs(line, out);
    fputs("\n", out);
    if (!night->work)
        return;
    fputs(markdown ? "\n" : "", out);
    if (markdown)
        markdown_text(night->work, out);
    else
        fputs(night->work, out);
    fputs("\n", out);
}

enum status night_write(const struct night *night, const char *format, int width, bool colour,
                        FILE *out)
{
    if (!strcmp(format, "junit")) {
        write_junit(night, out);
        return OK;
    }
    bool markdown = !strcmp(format, "markdown"), html = !strcmp(format, "html");
    if (!markdown && !html && strcmp(format, "terminal"))
        return status_fail(ERR_USAGE, "a report is terminal, markdown, html or junit, not '%s'",
                           format);
    struct sheets sheets = {0};
    const char *line = headline(night, &sheets.arena);
    enum status st = OK;
    struct choice choice = choose(night, markdown ? night->n_cells : SAME_SHOWN);
    add_gates(night, &sheets);
    add_changes(&choice, &sheets);
    add_flips(&choice, markdown ? NIGHT_FLIPS : 2, &sheets);
    add_slow(night, &sheets);
    free(choice.cells);
    if (html)
        write_html(line, night, &sheets, out);
    else
        write_head(line, night, markdown, out);
    for (size_t i = 0; i < sheets.count && !html && !st; i++) {
        fputs("\n", out);
        if (markdown)
            sheet_markdown(&sheets.items[i], out);
        else
            st = sheet_terminal(&sheets.items[i], width > 0 ? width : 80, colour, out);
    }
    sheets_clear(&sheets);
    return st;
}
