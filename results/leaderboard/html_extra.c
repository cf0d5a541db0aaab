#include "results/leaderboard/html.h"

enum { PAIRS_LIMIT = 600000 }; /* pairs x conditions that a page may hold: some 5 MB */

static void groups(const struct board_section *section, struct text *out)
{
    text_add(out, "[");
    for (size_t r = 0; r < section->n_rows; r++) {
        text_add(out, r ? ",{" : "{");
        bool more = false;
        for (int m = 0; m < MEASURES; m++)
            if (section->rows[r].groups[m]) {
                text_addf(out, "%s\"%s\":%d", more ? "," : "", board_measures[m].name,
                          section->rows[r].groups[m]);
                more = true;
            }
        text_add(out, "}");
    }
    text_add(out, "]");
}

/* {"0-1": [[only_0, only_1], null, ...]} by condition, from the bits. */
static void pairs(const struct board_section *section, struct text *out)
{
    size_t n = section->n_rows, bytes = (size_t)(section->n + 7) / 8;
    if (n * (n - 1) / 2 * section->n_conditions > PAIRS_LIMIT) {
        text_add(out, "null");
        return;
    }
    text_add(out, "{");
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++) {
            text_addf(out, "%s\n\"%zu-%zu\":[", a || b > 1 ? "," : "", a, b);
            for (size_t c = 0; c < section->n_conditions; c++) {
                const struct board_cell *left = section->rows[a].cells[c];
                const struct board_cell *right = section->rows[b].cells[c];
                int64_t only_a, only_b;
                text_add(out, c ? "," : "");
                if (!left || !right) {
                    text_add(out, "null");
                    continue;
                }
                stats_discordant(left->ok, right->ok, bytes, &only_a, &only_b);
                text_addf(out, "[%lld,%lld]", (long long)only_a, (long long)only_b);
            }
            text_add(out, "]");
        }
    text_add(out, "}");
}

enum status html_extra(sqlite3 *db, const struct board *board, struct text *out)
{
    enum status st = OK;
    text_add(out, "{\"groups\":[");
    for (size_t s = 0; s < board->n_sections; s++) {
        text_add(out, s ? "," : "");
        groups(&board->sections[s], out);
    }
    text_add(out, "],\n\"commands\":[");
    for (size_t s = 0; s < board->n_sections && !st; s++) {
        text_add(out, s ? "," : "");
        st = html_commands(db, &board->sections[s], out);
    }
    text_add(out, "],\n\"pairs\":[");
    for (size_t s = 0; s < board->n_sections; s++) {
        text_add(out, s ? "," : "");
        pairs(&board->sections[s], out);
    }
    text_add(out, "],\n\"history\":[");
    for (size_t s = 0; s < board->n_sections && !st; s++) {
        text_add(out, s ? "," : "");
        st = html_history(db, &board->sections[s], out);
    }
    text_add(out, "]}\n");
    return st;
}
