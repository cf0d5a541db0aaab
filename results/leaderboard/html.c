/*
 * One HTML file that needs nothing else: style, script and data are inside, and the sorted
 * tables are there before any script runs. Same store, same bytes: the only time in it is
 * that of the newest cell.
 */
#include "results/leaderboard/html.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void heading(struct text *out, const struct board_section *section, size_t index)
{
    text_addf(out, "<section class=\"dataset\" aria-labelledby=\"set-%zu\">\n<h2 id=\"set-%zu\">",
              index, index);
    html_text(out, section->dataset);
    if (*section->split) {
        text_add(out, "/");
        html_text(out, section->split);
    }
    text_addf(out, " <small class=\"note\">%lld samples", (long long)section->n);
    if (strcmp(section->subset, "all")) {
        text_add(out, ", ");
        html_text(out, section->subset);
    }
    text_addf(out, "; %zu networks, %zu conditions, %zu cells</small></h2>\n", section->n_rows,
              section->n_conditions, section->n_cells);
}

/* ---- twins ---- */

static void span_cell(struct text *out, const struct board_value *value, const char *first)
{
    if (!value->present) {
        text_addf(out, "<td class=\"num%s\"></td>", first);
        return;
    }
    const char *tone = value->hi < 0 ? " fall" : value->lo > 0 ? " rise" : "";
    text_addf(out, "<td class=\"num%s%s\">", first, tone);
    html_points(out, value->value);
    text_add(out, " <span class=\"half\">[");
    html_points(out, value->lo);
    text_add(out, ", ");
    html_points(out, value->hi);
    text_add(out, "]</span></td>");
}

static void twin_line(struct text *out, const struct board_section *section,
                      const struct board_twin *twin, const struct board_twin_line *line)
{
    char acc[16], twin_acc[16];
    bool top = line == twin->lines;
    const char *first = top ? " first" : "";
    const struct board_value *shown =
        line->beyond.present ? &line->beyond : &line->difference;
    text_add(out, "<tr>");
    if (top) {
        text_addf(out, "<th scope=\"rowgroup\" rowspan=\"%zu\">", twin->n_lines);
        html_name(out, &section->rows[twin->row]);
        text_add(out, "<br><small>against ");
        html_name(out, &section->rows[twin->twin_row]);
        text_add(out, "</small></th>");
    }
    text_addf(out, "<td class=\"%s\">%s <small>%d</small></td>", top ? "first" : "",
              line->crafted ? line->crafted : board_kind_names[line->kind], line->conditions);
    text_addf(out, "<td class=\"num wide%s\">%s</td><td class=\"num wide%s\">%s</td>", first,
              board_percent(line->twin_acc, twin_acc), first, board_percent(line->acc, acc));
    span_cell(out, &line->difference, first);
    span_cell(out, &line->beyond, first);
    text_addf(out, "<td class=\"forest%s\" data-v=\"%.6f\" data-lo=\"%.6f\" data-hi=\"%.6f\"></td>"
              "</tr>\n", first, shown->value, shown->lo, shown->hi);
}

static void put_twins(struct text *out, const struct board_section *section)
{
    if (!section->n_twins)
        return;
    text_add(out,
             "<h3>What compression costs</h3>\n<p class=\"note\">Compressed minus "
             "full-precision twin, same images, same conditions, in points. “Beyond clean” is "
             "the robustness cost: what is lost on top of the clean difference. The picture "
             "shows it with its 95&nbsp;% interval; for clean, the difference itself.</p>\n"
             "<div class=\"scroll\"><table class=\"cost\"><thead><tr>"
             "<th scope=\"col\" class=\"name\">Compressed</th>"
             "<th scope=\"col\">Noise <small>conditions</small></th>"
             "<th scope=\"col\" class=\"num wide\">Twin</th>"
             "<th scope=\"col\" class=\"num wide\">Compressed</th>"
             "<th scope=\"col\" class=\"num\">Difference</th>"
             "<th scope=\"col\" class=\"num\">Beyond clean</th>"
             "<th scope=\"col\"><span class=\"js\">Cost, 95&nbsp;%</span></th>"
             "</tr></thead><tbody>\n");
    for (size_t i = 0; i < section->n_twins; i++)
        for (size_t k = 0; k < section->twins[i].n_lines; k++)
            twin_line(out, section, &section->twins[i], &section->twins[i].lines[k]);
    text_add(out, "</tbody></table></div>\n");
}

/* ---- the board ---- */

/* A column: one family by mean, change and lowest. MEASURES stands for none. */
static const struct family {
    const char *title;
    enum board_measure acc, delta, worst;
} families[] = {
    {"Clean", MEASURE_CLEAN, MEASURES, MEASURES},
    {"System", MEASURE_SYSTEM, MEASURE_SYSTEM_DELTA, MEASURE_SYSTEM_WORST},
    {"Natural", MEASURE_NATURAL, MEASURE_NATURAL_DELTA, MEASURE_NATURAL_WORST},
    {"Attacked", MEASURE_ADVERSARIAL, MEASURE_ADVERSARIAL_DELTA, MEASURE_ADVERSARIAL_WORST},
    {"Per-sample worst", MEASURE_PERSAMPLE, MEASURE_PERSAMPLE_DELTA, MEASURE_PERSAMPLE_WORST},
    {"mCE", MEASURE_MCE, MEASURES, MEASURES},
};
enum { FAMILIES = sizeof families / sizeof *families };

static const char *measure_name(enum board_measure measure, enum board_measure fallback)
{
    return board_measures[measure == MEASURES ? fallback : measure].name;
}

static bool shown(const struct board_section *section, enum board_measure measure)
{
    for (size_t i = 0; i < section->n_rows; i++)
        if (section->rows[i].values[measure].present)
            return true;
    return false;
}

static bool sorted_by(const struct family *family, enum board_measure sort)
{
    return sort == family->acc || sort == family->delta || sort == family->worst;
}

static void board_head(struct text *out, const struct board *board,
                       const struct board_section *section)
{
    text_add(out, "<thead><tr><th scope=\"col\" data-fixed>"
                  "<abbr title=\"tie group\">#</abbr></th>");
    text_addf(out, "<th scope=\"col\" class=\"name\"%s>Network</th><th scope=\"col\" "
                   "class=\"wide\">Precision</th><th scope=\"col\" class=\"num wide\" data-low>Parameters</th>",
              board->sort == MEASURES ? " aria-sort=\"ascending\"" : "");
    for (int f = 0; f < FAMILIES; f++) {
        if (!shown(section, families[f].acc))
            continue;
        bool low = families[f].acc == MEASURE_MCE;
        text_addf(out, "<th scope=\"col\" class=\"num\" data-acc=\"%s\" data-delta=\"%s\" "
                       "data-worst=\"%s\" title=\"%s\"%s%s>%s</th>",
                  measure_name(families[f].acc, families[f].acc),
                  measure_name(families[f].delta, families[f].acc),
                  measure_name(families[f].worst, families[f].acc),
                  board_measures[families[f].acc].help, low ? " data-low" : "",
                  !sorted_by(&families[f], board->sort) ? ""
                  : low                                 ? " aria-sort=\"ascending\""
                                                        : " aria-sort=\"descending\"",
                  families[f].title);
    }
    text_add(out, "<th scope=\"col\" class=\"nights\" data-fixed><span class=\"js\">Runs</span></th>"
                  "<th scope=\"col\" data-fixed>Flags</th></tr></thead>\n");
}

static void put_number(struct text *out, const struct board_value *value, const char *class,
                       bool points, const char *mark)
{
    char number[16], half[16];
    text_addf(out, "<span class=\"%s\">", class);
    if (!value->present)
        text_add(out, "–");
    else if (points)
        html_points(out, value->value);
    else
        text_add(out, board_percent(value->value, number));
    text_addf(out, "%s%s", value->present && value->partial ? "*" : "",
              value->present ? mark : "");
    if (*board_half(value, half))
        text_addf(out, " <span class=\"half\">±%s</span>", half);
    text_add(out, "</span>");
}

static void put_attribute(struct text *out, const char *name, const struct board_value *value)
{
    if (value->present)
        text_addf(out, " data-%s=\"%.6f\"", name, value->value);
    else
        text_addf(out, " data-%s=\"\"", name);
}

static bool best(const struct board_section *section, size_t row, enum board_measure measure)
{
    return section->n_rows > 1 && section->rows[row].groups[measure] == 1;
}

static void family_cell(struct text *out, const struct board_section *section, size_t r,
                        const struct family *family)
{
    const struct board_row *row = &section->rows[r];
    const struct board_value *acc = &row->values[family->acc];
    bool single = family->delta == MEASURES;
    const struct board_value *delta = single ? acc : &row->values[family->delta];
    const struct board_value *worst = single ? acc : &row->values[family->worst];
    const char *mark = row->unreliable && family->acc == MEASURE_ADVERSARIAL ? "?" : "";
    double lost = !single && delta->present ? -delta->value : 0;
    text_addf(out, "<td class=\"num%s%s\"", best(section, r, family->acc) ? " best" : "",
              lost > 0 ? " tint" : lost < 0 ? " tint up" : "");
    put_attribute(out, "acc", acc);
    put_attribute(out, "delta", delta);
    put_attribute(out, "worst", worst);
    if (lost != 0)
        text_addf(out, " style=\"--t:%.3f\"", fmin(1, fabs(lost) * (lost > 0 ? 1 : 4)));
    if (worst->present && worst->condition >= 0) {
        text_addf(out, " data-condition=\"%d\" title=\"", worst->condition);
        text_add(out, single ? "" : "lowest: ");
        html_text(out, section->conditions[worst->condition].label);
        text_add(out, "\"");
    }
    text_add(out, ">");
    if (family->acc == MEASURE_MCE && acc->present)
        text_addf(out, "%.1f <span class=\"half\">±%.1f</span>", acc->value,
                  (acc->hi - acc->lo) / 2);
    else
        put_number(out, acc, single ? "m-only" : "m-acc", false, mark);
    if (!single) {
        put_number(out, delta, "m-delta", true, mark);
        put_number(out, worst, "m-worst", false, mark);
    }
    text_add(out, "</td>");
}

static void board_row(struct text *out, const struct board_section *section, size_t s, size_t r)
{
    const struct board_row *row = &section->rows[r];
    text_addf(out, "<tr data-section=\"%zu\" data-row=\"%zu\"><td class=\"group%s\">", s, r,
              row->group % 2 ? " odd" : "");
    if (row->group)
        text_addf(out, "<i>%d</i>", row->group);
    text_add(out, "</td><th scope=\"row\">");
    html_name(out, row);
    text_add(out, "</th><td class=\"wide\">");
    html_text(out, row->precision);
    text_addf(out, "</td><td class=\"num wide\" data-v=\"%lld\">", (long long)row->params);
    if (row->params >= 1000000)
        text_addf(out, "%.1f M", (double)row->params / 1e6);
    else if (row->params)
        text_addf(out, "%.0f k", (double)row->params / 1e3);
    text_add(out, "</td>");
    for (int f = 0; f < FAMILIES; f++)
        if (shown(section, families[f].acc))
            family_cell(out, section, r, &families[f]);
    text_add(out, "<td class=\"nights\"></td><td class=\"flag\">");
    html_text(out, row->flags);
    text_add(out, "</td></tr>\n");
}

static void put_board(struct text *out, const struct board *board,
                      const struct board_section *section, size_t index)
{
    text_add(out, "<h3>Board</h3>\n<div class=\"bar js filters\" role=\"group\" "
                  "aria-label=\"Networks shown\"></div>\n<div class=\"bar js conditions\" "
                  "role=\"group\" aria-label=\"Conditions chosen\"></div>\n"
                  "<div class=\"scroll\"><table class=\"board\" data-metric=\"acc\"><caption>"
                  "Top-1, %; means over the conditions of a family. Colour: lost against "
                  "clean. Bold: in the first tie group.</caption>");
    board_head(out, board, section);
    text_add(out, "<tbody>\n");
    for (size_t r = 0; r < section->n_rows; r++)
        board_row(out, section, index, r);
    text_add(out, "</tbody></table></div>\n");
}

/* ---- decoder x resizer ---- */

static void matrix_cells(struct text *out, const struct board_matrix *m)
{
    for (size_t r = 0; r < m->n_resizers; r++) {
        text_add(out, "<tr><th scope=\"row\">");
        html_text(out, m->resizers[r]);
        text_add(out, "</th>");
        for (size_t d = 0; d < m->n_decoders; d++) {
            size_t at = d * m->n_resizers + r;
            const struct board_cell *cell = m->cells[at];
            char number[16];
            if (!cell) {
                text_add(out, "<td class=\"num\">–</td>");
                continue;
            }
            double share = m->max > m->min ? (m->max - cell->acc) / (m->max - m->min) : 0;
            text_addf(out, "<td class=\"num tint%s\" style=\"--t:%.3f\">%s</td>",
                      cell->acc == m->max ? " best" : "", share * 0.8,
                      board_percent(cell->acc, number));
        }
        text_add(out, "</tr>\n");
    }
}

static void put_matrix(struct text *out, const struct board_section *section,
                       const struct board_matrix *m)
{
    char number[6][16];
    size_t worst = (size_t)m->worst;
    text_add(out, "<figure><h3>");
    html_name(out, &section->rows[m->row]);
    text_addf(out, "</h3><figcaption>mean %s, sd %s, from %s to %s; lowest ",
              board_percent(m->mean, number[0]), board_percent(m->sd, number[1]),
              board_percent(m->min, number[2]), board_percent(m->max, number[3]));
    html_text(out, m->decoders[worst / m->n_resizers]);
    text_add(out, " × ");
    html_text(out, m->resizers[worst % m->n_resizers]);
    if (!isnan(m->flip_rate))
        text_addf(out, "; %s&nbsp;%% of predictions flip",
                  board_percent(m->flip_rate, number[4]));
    text_addf(out, "; right under every pair %s</figcaption>\n<div class=\"scroll\"><table>"
                   "<thead><tr><th scope=\"col\" class=\"name\">Resizer \\ decoder</th>",
              board_percent(m->persample_worst, number[5]));
    for (size_t d = 0; d < m->n_decoders; d++) {
        text_add(out, "<th scope=\"col\" class=\"num\">");
        html_text(out, m->decoders[d]);
        text_add(out, "</th>");
    }
    text_add(out, "</tr></thead><tbody>\n");
    matrix_cells(out, m);
    text_add(out, "</tbody></table></div></figure>\n");
}

static void put_matrices(struct text *out, const struct board_section *section)
{
    if (!section->n_matrices)
        return;
    text_add(out, "<h3 class=\"part\">Decoder × resizer</h3>\n<p class=\"note\">Top-1 when "
                  "the deployed decoder and resizer are not the network’s own. Darker: more "
                  "lost against the best pair.</p>\n<div class=\"charts\">\n");
    for (size_t i = 0; i < section->n_matrices; i++)
        put_matrix(out, section, &section->matrices[i]);
    text_add(out, "</div>\n");
}

/* Tables that the terminal has, too. */
static void put_more(struct text *out, const struct board *board,
                     const struct board_section *section)
{
    struct sheets sheets;
    sheets_more(board, section, &sheets);
    if (sheets.count)
        text_add(out, "<div class=\"more\">\n");
    for (size_t i = 0; i < sheets.count; i++)
        html_sheet(out, &sheets.items[i]);
    if (sheets.count)
        text_add(out, "</div>\n");
    sheets_clear(&sheets);
}

static void put_tables(struct text *out, const struct board *board)
{
    for (size_t i = 0; i < board->n_sections; i++) {
        const struct board_section *section = &board->sections[i];
        heading(out, section, i);
        put_twins(out, section);
        put_board(out, board, section, i);
        text_add(out, "<div class=\"charts js\"></div>\n");
        put_matrices(out, section);
        put_more(out, board, section);
        text_add(out, "<div class=\"heatbox js\"><h3 class=\"part\">Every condition</h3>"
                      "<div class=\"bar js\"></div><div></div></div>\n"
                      "<div class=\"comparebox js\"><h3 class=\"part\">Two networks, image by "
                      "image</h3><div class=\"bar js\"></div><div></div></div>\n</section>\n");
    }
}

/* ---- the page ---- */

static void put_lead(struct text *out, const struct board *board)
{
    size_t cells = 0;
    for (size_t i = 0; i < board->n_sections; i++)
        cells += board->sections[i].n_cells;
    text_addf(out, "How much accuracy image classifiers keep when decoders, corruptions and "
                   "attackers get in the way: %zu cells, the newest of %.10s.", cells,
              board->finished);
    if (board->n_failed)
        text_addf(out, " %lld cells have no number.", (long long)board->n_failed);
}

static void put_foot(struct text *out, const struct board *board)
{
    text_add(out, "Written by gauntlet ");
    html_text(out, board->version);
    text_addf(out, " from %lld runs; newest cell ", (long long)board->n_runs);
    html_text(out, board->finished);
    text_add(out, ". The same database gives the same bytes.");
}

/* Fills {{name}} in the template. */
static enum status fill(sqlite3 *db, const struct board *board, const char *above,
                        struct text *out)
{
    enum status st = OK;
    for (const char *at = page_html; *at && !st;) {
        const char *open = strstr(at, "{{"), *close = open ? strstr(open, "}}") : NULL;
        if (!close) {
            text_add(out, at);
            break;
        }
        text_add_bytes(out, at, (size_t)(open - at));
        size_t size = (size_t)(close - open - 2);
        const char *name = open + 2;
        if (!strncmp(name, "css", size))
            text_add(out, page_css);
        else if (!strncmp(name, "js", size))
            text_add(out, page_js);
        else if (!strncmp(name, "charts", size))
            text_add(out, page_charts);
        else if (!strncmp(name, "above", size))
            text_add(out, above ? above : "");
        else if (!strncmp(name, "lead", size))
            put_lead(out, board);
        else if (!strncmp(name, "foot", size))
            put_foot(out, board);
        else if (!strncmp(name, "tables", size))
            put_tables(out, board);
        else if (!strncmp(name, "board", size))
            board_json(board, out);
        else
            st = html_extra(db, board, out);
        at = close + 2;
    }
    return st;
}

static enum status write_html(struct store *store, const struct board *board,
                              const struct leaderboard_options *options, FILE *out)
{
    struct text page = {0};
    enum status st = fill(store_handle(store), board, options->above, &page);
    if (!st)
        fwrite(page.data, 1, page.size, out);
    text_clear(&page);
    return st;
}

const struct leaderboard_format leaderboard_html = {
    .name = "html",
    .summary = "one self-contained page with charts and comparisons",
    .extension = "html",
    .write = write_html,
};
