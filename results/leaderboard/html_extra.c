#include "results/leaderboard/html.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAIRS_LIMIT = 600000, /* pairs x conditions that a page may hold: some 5 MB */
    NIGHTS = 30,
};

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

static void commands(const struct board_section *section, struct text *out)
{
    text_add(out, "{\"rows\":[");
    for (size_t r = 0; r < section->n_rows; r++) {
        char *command = board_command(section, &section->rows[r], NULL);
        text_add(out, r ? ",\n" : "\n");
        json_string(out, command);
        free(command);
    }
    text_add(out, "],\"noises\":[");
    for (size_t c = 0; c < section->n_conditions; c++) {
        struct text word = {0};
        board_shell_word(&word, section->conditions[c].label);
        text_add(out, c ? ",\n" : "\n");
        json_string(out, word.data);
        text_clear(&word);
    }
    text_add(out, "]}");
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

/* Mean accuracy of the last runs that held every condition the row has now. */
static enum status history(sqlite3 *db, const struct board_section *section,
                           const struct board_row *row, struct text *out)
{
    size_t cells = 0;
    for (size_t c = 0; c < section->n_conditions; c++)
        cells += row->cells[c] != NULL;
    struct query query;
    query_begin(&query, db,
                "SELECT acc FROM (SELECT r.started, r.run_id,"
                " avg(100.0 * c.n_ok / c.n) AS acc FROM model m"
                " CROSS JOIN cell c ON c.model_id = m.model_id"
                " CROSS JOIN subset u ON u.subset_id = c.subset_id AND u.spec = ?"
                " CROSS JOIN dataset d ON d.dataset_id = c.dataset_id AND d.name = ?"
                " CROSS JOIN run_cell x ON x.cell_id = c.cell_id"
                " CROSS JOIN run r ON r.run_id = x.run_id"
                " WHERE m.name = ? AND m.variant = ? AND c.status = 'done'"
                " GROUP BY r.run_id HAVING count(*) = ?"
                " ORDER BY r.started DESC, r.run_id DESC LIMIT ?) ORDER BY started, run_id",
                "ttttii", section->subset, section->dataset, row->model, row->variant,
                (int64_t)cells, (int64_t)NIGHTS);
    text_add(out, "[");
    for (bool more = false; query_row(&query); more = true) {
        text_add(out, more ? "," : "");
        json_real(out, query_real(&query, 0));
    }
    text_add(out, "]");
    return query_end(&query);
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
    for (size_t s = 0; s < board->n_sections; s++) {
        text_add(out, s ? "," : "");
        commands(&board->sections[s], out);
    }
    text_add(out, "],\n\"pairs\":[");
    for (size_t s = 0; s < board->n_sections; s++) {
        text_add(out, s ? "," : "");
        pairs(&board->sections[s], out);
    }
    text_add(out, "],\n\"history\":[");
    for (size_t s = 0; s < board->n_sections && !st; s++) {
        text_add(out, s ? ",[" : "[");
        for (size_t r = 0; r < board->sections[s].n_rows && !st; r++) {
            text_add(out, r ? "," : "");
            st = history(db, &board->sections[s], &board->sections[s].rows[r], out);
        }
        text_add(out, "]");
    }
    text_add(out, "]}\n");
    return st;
}
