#include "harness/table.h"

#include "base/mem.h"

#include <libsmartcols.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_word_of(const char *word, const char *words)
{
    size_t length = strlen(word);
    for (const char *at = words; length && (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
            return 1;
    return 0;
}

struct libscols_table *table_new(const char *const *titles, const char *right)
{
    struct libscols_table *table = scols_new_table();
    for (size_t i = 0; titles[i]; i++)
        scols_table_new_column(table, titles[i], 0,
                               is_word_of(titles[i], right) ? SCOLS_FL_RIGHT : 0);
    return table;
}

void table_row(struct libscols_table *table, const char *const *values)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    for (size_t i = 0; i < scols_table_get_ncols(table); i++)
        scols_line_set_data(line, i, values[i] ? values[i] : "");
}

/* Into a pipe or file the table keeps its natural width: nothing is cut. */
void table_print(struct libscols_table *table, FILE *out)
{
    scols_table_set_stream(table, out);
    if (!isatty(fileno(out))) {
        scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
        scols_table_set_termwidth(table, 1000);
    }
    scols_table_enable_maxout(table, 0);
    scols_print_table(table);
    fputc('\n', out);
    scols_unref_table(table);
}

static const char cells_of_run[] =
    "SELECT r.model || CASE WHEN r.variant = '' THEN '' ELSE ' ' || r.variant END,"
    " r.dataset, r.condition, r.n, printf('%.2f', 100 * r.acc),"
    " printf('%.2f-%.2f', 100 * r.lo95, 100 * r.hi95),"
    " CASE WHEN r.kind <> 'clean' THEN printf('%+.2f', 100 * r.delta) END,"
    " CASE WHEN r.kind <> 'clean' THEN printf('%.2f', 196 * r.delta_se) END, r.flags"
    " FROM run_cell x JOIN result r USING(cell_id) WHERE x.run_id = ?"
    " ORDER BY r.dataset, r.model, r.variant, r.kind <> 'clean', r.kind, r.noise, "
    "r.severity,"
    " r.eps, r.condition";

enum status table_of_run(struct store *store, int64_t run_id, FILE *out)
{
    static const char *const titles[] = {"MODEL", "DATASET", "CONDITION", "N",     "ACC%",
                                         "95%",   "DELTA",   "±",         "FLAGS", NULL};
    enum { COLUMNS = sizeof titles / sizeof *titles - 1 };
    sqlite3 *db = store_handle(store);
    sqlite3_stmt *query = NULL;
    if (sqlite3_prepare_v2(db, cells_of_run, -1, &query, NULL) != SQLITE_OK)
        return status_fail(ERR_STORE, "%s", sqlite3_errmsg(db));
    sqlite3_bind_int64(query, 1, run_id);

    struct libscols_table *table = table_new(titles, "N ACC% DELTA ±");
    while (sqlite3_step(query) == SQLITE_ROW) {
        const char *values[COLUMNS];
        for (int i = 0; i < COLUMNS; i++)
            values[i] = (const char *)sqlite3_column_text(query, i);
        table_row(table, values);
    }
    sqlite3_finalize(query);
    table_print(table, out);
    return OK;
}

static const char unread_of_run[] =
    "SELECT s.key, f.stage, f.message, count(*) OVER (), min(c.cell_id) FROM run_cell r "
    "JOIN cell c"
    " USING(cell_id) JOIN failure f USING(cell_id) JOIN subset_item u ON"
    " u.subset_id = c.subset_id AND u.pos = f.pos JOIN sample s ON"
    " s.dataset_id = c.dataset_id AND s.idx = u.idx WHERE r.run_id = ?"
    " GROUP BY s.dataset_id, s.idx LIMIT 5";

enum status table_of_unread(struct store *store, int64_t run_id, FILE *out)
{
    sqlite3 *db = store_handle(store);
    sqlite3_stmt *query = NULL;
    int shown = 0, all = 0;
    if (sqlite3_prepare_v2(db, unread_of_run, -1, &query, NULL) != SQLITE_OK)
        return status_fail(ERR_STORE, "%s", sqlite3_errmsg(db));
    sqlite3_bind_int64(query, 1, run_id);
    for (; sqlite3_step(query) == SQLITE_ROW; shown++) {
        fprintf(out, "    %s: %s: %s\n", (const char *)sqlite3_column_text(query, 0),
                (const char *)sqlite3_column_text(query, 1),
                (const char *)sqlite3_column_text(query, 2));
        all = sqlite3_column_int(query, 3);
    }
    sqlite3_finalize(query);
    if (all > shown)
        fprintf(out, "    and %d more\n", all - shown);
    return OK;
}
