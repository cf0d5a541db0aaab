/*
 * What the last nights said about every cell of a board: where a number changed, so that a
 * page can draw a line for each cell and stays small while nothing changes.
 */
#include "results/leaderboard/html.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

enum { NIGHTS = 30 };

/* Where a stored cell stands on the board, whichever file and night it is of. */
struct place {
    int64_t cell;
    size_t row, condition;
    double acc;
};

struct past {
    const struct board_section *section;
    struct place *places; /* by cell */
    size_t n_places, n_nights;
    int64_t runs[NIGHTS]; /* oldest first */
    char *dates[NIGHTS];
    struct text *lines;   /* [rows][conditions]: "night,share,night,share" */
    double *last;         /* [rows][conditions]; below 0: none yet */
};

static bool find_row(const struct board_section *section, const char *model,
                     const char *variant, size_t *row)
{
    for (*row = 0; *row < section->n_rows; ++*row)
        if (!strcmp(section->rows[*row].model, model) &&
            !strcmp(section->rows[*row].variant, variant))
            return true;
    return false;
}

/* Cells come by condition, so `*at` is nearly always right already. */
static bool find_condition(const struct board_section *section, const char *kind,
                           const char *label, size_t *at)
{
    for (size_t i = 0; i < section->n_conditions; i++) {
        size_t c = (*at + i) % section->n_conditions;
        if (!strcmp(section->conditions[c].label, label) &&
            !strcmp(board_kind_names[section->conditions[c].kind], kind)) {
            *at = c;
            return true;
        }
    }
    return false;
}

static int by_cell(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return (left->cell > right->cell) - (left->cell < right->cell);
}

/* All finished cells under the board's names: today's and those that they superseded. */
static enum status find_places(sqlite3 *db, struct past *past)
{
    const struct board_section *section = past->section;
    struct query query;
    size_t room = 0, condition = 0;
    query_begin(&query, db,
                "SELECT n.cell_id, n.model, n.variant, n.kind, n.condition ||"
                " iif(n.source IS NULL OR instr(n.condition, n.source), '',"
                " ' source=' || n.source), 1.0 * c.n_ok / c.n FROM (SELECT cell_id, model,"
                " variant, dataset, split, subset, kind, condition, source FROM cell_named) n"
                " JOIN cell c USING(cell_id) WHERE n.dataset = ? AND n.split = ? AND"
                " n.subset = ?", "ttt", section->dataset, section->split, section->subset);
    while (query_row(&query)) {
        struct place place = {.cell = query_int(&query, 0), .acc = query_real(&query, 5)};
        if (!find_row(section, query_text(&query, 1), query_text(&query, 2), &place.row) ||
            !find_condition(section, query_text(&query, 3), query_text(&query, 4), &condition))
            continue;
        place.condition = condition;
        if (past->n_places == room)
            past->places = mem_grow(past->places, room = 2 * room + 64, sizeof place);
        past->places[past->n_places++] = place;
    }
    if (past->n_places)
        qsort(past->places, past->n_places, sizeof *past->places, by_cell);
    return query_end(&query);
}

/* The last runs that held any of the section's cells. */
static enum status find_nights(sqlite3 *db, struct past *past)
{
    const struct board_section *section = past->section;
    struct query query;
    query_begin(&query, db,
                "SELECT run_id, started FROM (SELECT r.run_id, r.started FROM run r WHERE"
                " EXISTS (SELECT 1 FROM run_cell x JOIN cell c USING(cell_id) JOIN subset u"
                " USING(subset_id) JOIN dataset d ON d.dataset_id = c.dataset_id WHERE"
                " x.run_id = r.run_id AND d.name = ? AND d.split = ? AND u.spec = ?)"
                " ORDER BY r.started DESC, r.run_id DESC LIMIT ?) ORDER BY started, run_id",
                "ttti", section->dataset, section->split, section->subset, (int64_t)NIGHTS);
    while (query_row(&query)) {
        past->runs[past->n_nights] = query_int(&query, 0);
        past->dates[past->n_nights++] = mem_copy(query_text(&query, 1));
    }
    return query_end(&query);
}

static void note(struct past *past, size_t night, const struct place *place)
{
    size_t at = place->row * past->section->n_conditions + place->condition;
    if (past->last[at] == place->acc)
        return;
    past->last[at] = place->acc;
    text_addf(&past->lines[at], "%s%zu,", past->lines[at].size ? "," : "", night);
    json_real(&past->lines[at], place->acc);
}

static enum status walk(sqlite3 *db, struct past *past)
{
    struct query query;
    enum status st = OK;
    for (size_t night = 0; night < past->n_nights && !st; night++) {
        query_begin(&query, db, "SELECT cell_id FROM run_cell WHERE run_id = ?", "i",
                    past->runs[night]);
        while (query_row(&query)) {
            struct place key = {.cell = query_int(&query, 0)};
            const struct place *place = bsearch(&key, past->places, past->n_places,
                                                sizeof key, by_cell);
            if (place)
                note(past, night, place);
        }
        st = query_end(&query);
    }
    return st;
}

static void put(const struct past *past, struct text *out)
{
    size_t n = past->section->n_conditions;
    text_add(out, "{\"nights\":[");
    for (size_t i = 0; i < past->n_nights; i++) {
        text_add(out, i ? "," : "");
        json_string(out, past->dates[i]);
    }
    text_add(out, "],\"rows\":[");
    for (size_t r = 0; r < past->section->n_rows; r++) {
        text_add(out, r ? ",\n[" : "\n[");
        for (size_t c = 0; c < n; c++) {
            const struct text *line = &past->lines[r * n + c];
            text_addf(out, c ? ",[%s]" : "[%s]", line->size ? line->data : "");
        }
        text_add(out, "]");
    }
    text_add(out, "]}");
}

enum status html_history(sqlite3 *db, const struct board_section *section, struct text *out)
{
    size_t cells = section->n_rows * section->n_conditions;
    struct past past = {.section = section,
                        .lines = mem_array(cells + 1, sizeof *past.lines),
                        .last = mem_array(cells + 1, sizeof *past.last)};
    for (size_t i = 0; i < cells; i++)
        past.last[i] = -1;
    enum status st = find_places(db, &past);
    if (!st)
        st = find_nights(db, &past);
    if (!st)
        st = walk(db, &past);
    if (!st)
        put(&past, out);
    for (size_t i = 0; i < cells; i++)
        text_clear(&past.lines[i]);
    for (size_t i = 0; i < past.n_nights; i++)
        free(past.dates[i]);
    free(past.places);
    free(past.lines);
    free(past.last);
    return st;
}
