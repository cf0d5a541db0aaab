/* Reads the store into a struct board: sections, conditions, rows, cells. */
#include "results/board_parts.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const board_kind_names[KINDS] = {"clean", "system", "natural", "adversarial",
                                             "worst"};

/* Everything a cell row needs, in the order in which boards are laid out. */
static const char cells_sql[] =
    "SELECT r.dataset, d.split, r.subset, r.subset_id, r.n, r.kind, r.noise, r.condition,"
    " r.norm, r.severity, r.eps, r.model_id, c.cell_id, c.n_ok, c.n_clean_ok, c.n_lost,"
    " c.n_won, c.n_unread, r.acc5, r.ece, r.flags, r.source, c.cpu_s, c.forwards,"
    " c.backwards, b.ok, r.finished, n.seed, e.prog_version,"
    " d.n_classes, c.wall_s"
    " FROM result r JOIN cell c ON c.cell_id = r.cell_id JOIN bits b ON b.cell_id = r.cell_id"
    " JOIN dataset d ON d.dataset_id = c.dataset_id JOIN run n ON n.run_id = c.run_id"
    " JOIN env e ON e.env_id = n.env_id"
    " WHERE (? = '' OR r.dataset GLOB ?) AND (? = '' OR r.model GLOB ?)"
    "  AND (? = '' OR r.kind = 'clean' OR r.kind = ?)"
    "  AND r.kind <> 'sequence' AND r.subset NOT LIKE '%role=ood%'"
    " ORDER BY r.dataset, d.split, r.n DESC, r.subset, r.subset_id,"
    "  CASE r.kind WHEN 'clean' THEN 0 WHEN 'system' THEN 1 WHEN 'natural' THEN 2"
    "   WHEN 'adversarial' THEN 3 ELSE 4 END,"
    "  r.noise, r.severity, r.eps, r.condition, r.source, r.model_id";

enum {
    DATASET, SPLIT, SUBSET, SUBSET_ID, N, KIND, NOISE, CONDITION, NORM, SEVERITY, EPS, MODEL_ID,
    CELL_ID, N_OK, N_CLEAN_OK, N_LOST, N_WON, N_UNREAD, ACC5, ECE, FLAGS, SOURCE, CPU_S,
    FORWARDS, BACKWARDS, OK_BITS, FINISHED, SEED, VERSION, N_CLASSES, WALL_S
};

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text) : NULL;
}

static enum board_kind kind_of(const char *name)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (!strcmp(name, board_kind_names[kind]))
            return (enum board_kind)kind;
    return KIND_WORST;
}

static struct board_section *section_for(struct board *board, const struct query *query)
{
    size_t n = board->n_sections;
    struct board_section *last = n ? &board->sections[n - 1] : NULL;
    if (last && last->subset_id == query_int(query, SUBSET_ID))
        return last;
    board->sections = mem_grow(board->sections, n + 1, sizeof *board->sections);
    board->n_sections = n + 1;
    last = &board->sections[n];
    *last = (struct board_section){
        .dataset = arena_copy(&board->arena, query_text(query, DATASET)),
        .split = arena_copy(&board->arena, query_text(query, SPLIT)),
        .subset = arena_copy(&board->arena, query_text(query, SUBSET)),
        .subset_id = query_int(query, SUBSET_ID),
        .n = query_int(query, N),
        .n_classes = query_int(query, N_CLASSES),
    };
    return last;
}

/* A transfer attack's surrogate belongs to what was done: it is part of the label. */
static char *label_of(struct arena *arena, const struct query *query)
{
    const char *label = query_text(query, CONDITION), *source = query_text(query, SOURCE);
    return source && !strstr(label, source)
               ? arena_format(arena, "%s source=%s", label, source)
               : arena_copy(arena, label);
}

/* Cells come by condition, so a new one is always next to the last. */
static int condition_for(struct board *board, struct board_section *section,
                         const struct query *query)
{
    struct arena *arena = &board->arena;
    char *label = label_of(arena, query);
    enum board_kind kind = kind_of(query_text(query, KIND));
    size_t n = section->n_conditions;
    struct board_condition *last = n ? &section->conditions[n - 1] : NULL;
    if (last && last->kind == kind && !strcmp(last->label, label))
        return (int)n - 1;
    section->conditions = mem_grow(section->conditions, n + 1, sizeof *section->conditions);
    section->n_conditions = n + 1;
    section->conditions[n] = (struct board_condition){
        .kind = kind,
        .noise = arena_copy(arena, query_text(query, NOISE)),
        .label = label,
        .norm = copy(arena, query_text(query, NORM)),
        .severity = (int)query_int(query, SEVERITY),
        .eps = query_real(query, EPS),
    };
    return (int)n;
}

/* Rows are found by model; their cells are kept in a list until all are known. */
struct loose {
    int row, condition;
    struct board_cell *cell;
};

static int row_for(struct board_section *section, int64_t model_id)
{
    for (size_t i = section->n_rows; i-- > 0;)
        if (section->rows[i].model_id == model_id)
            return (int)i;
    section->rows =
        mem_grow(section->rows, section->n_rows + 1, sizeof *section->rows);
    section->rows[section->n_rows] = (struct board_row){.model_id = model_id};
    return (int)section->n_rows++;
}

static struct board_cell *read_cell(struct arena *arena, const struct query *query)
{
    struct board_cell *cell = arena_alloc(arena, sizeof *cell);
    int64_t n = query_int(query, N), n_ok = query_int(query, N_OK);
    struct interval interval = stats_wilson(n_ok, n);
    double nan = (double)NAN;
    *cell = (struct board_cell){
        .cell_id = query_int(query, CELL_ID), .n = n, .n_ok = n_ok,
        .n_unread = query_int(query, N_UNREAD),
        .paired = !query_null(query, N_CLEAN_OK), .acc = (double)n_ok / (double)n,
        .lo = interval.lo, .hi = interval.hi, .acc5 = query_real(query, ACC5),
        .ece = query_real(query, ECE), .delta = nan, .delta_se = nan, .kept = nan,
        .flags = copy(arena, query_text(query, FLAGS)),
        .source = copy(arena, query_text(query, SOURCE)),
        .cpu_s = query_real(query, CPU_S), .wall_s = query_real(query, WALL_S),
        .forwards = query_int(query, FORWARDS),
        .backwards = query_int(query, BACKWARDS), .seed = query_int(query, SEED),
    };
    if (cell->paired) {
        cell->n_clean_ok = query_int(query, N_CLEAN_OK);
        cell->n_lost = query_int(query, N_LOST);
        cell->n_won = query_int(query, N_WON);
        cell->delta = (double)(cell->n_won - cell->n_lost) / (double)n;
        cell->delta_se = stats_paired_se(cell->n_lost, cell->n_won, n);
        if (cell->n_clean_ok)
            cell->kept = (double)(cell->n_clean_ok - cell->n_lost) / (double)cell->n_clean_ok;
    }
    size_t bytes = (size_t)(n + 7) / 8;
    uint8_t *ok = arena_alloc(arena, bytes);
    if ((size_t)sqlite3_column_bytes(query->stmt, OK_BITS) == bytes)
        memcpy(ok, sqlite3_column_blob(query->stmt, OK_BITS), bytes);
    cell->ok = ok;
    return cell;
}

static void lay_out(struct arena *arena, struct board_section *section,
                    const struct loose *loose, size_t count)
{
    for (size_t i = 0; i < section->n_rows; i++)
        section->rows[i].cells =
            arena_alloc(arena, section->n_conditions * sizeof *section->rows[i].cells);
    for (size_t i = 0; i < count; i++)
        section->rows[loose[i].row].cells[loose[i].condition] = loose[i].cell;
    section->n_cells = count;
}

static void newest(struct board *board, const struct query *query)
{
    if (strcmp(query_text(query, FINISHED), board->finished) <= 0)
        return;
    board->finished = arena_copy(&board->arena, query_text(query, FINISHED));
    board->version = arena_copy(&board->arena, query_text(query, VERSION));
}

static enum status read_cells(sqlite3 *db, const struct leaderboard_options *options,
                              struct board *board)
{
    const char *dataset = options->dataset ? options->dataset : "";
    const char *model = options->model ? options->model : "";
    const char *kind = options->kind ? options->kind : "";
    struct loose *loose = NULL;
    size_t count = 0, room = 0;
    struct board_section *section = NULL;
    struct query query;
    query_begin(&query, db, cells_sql, "tttttt", dataset, dataset, model, model, kind, kind);
    while (query_row(&query)) {
        if (section && section->subset_id != query_int(&query, SUBSET_ID)) {
            lay_out(&board->arena, section, loose, count);
            count = 0;
        }
        section = section_for(board, &query);
        if (count == room)
            loose = mem_grow(loose, room = room * 2 + 64, sizeof *loose);
        loose[count].condition = condition_for(board, section, &query);
        loose[count].row = row_for(section, query_int(&query, MODEL_ID));
        loose[count++].cell = read_cell(&board->arena, &query);
        newest(board, &query);
    }
    if (section)
        lay_out(&board->arena, section, loose, count);
    free(loose);
    return query_end(&query);
}

static enum status read_model(sqlite3 *db, struct arena *arena, struct board_row *row)
{
    struct query query;
    query_begin(&query, db,
                "SELECT name, variant, precision, arch, family, technique, gradient,"
                " (SELECT t.name FROM model t WHERE t.model_id = m.twin_id), file_sha,"
                " preproc, meta, params, macs, file_bytes FROM model m WHERE model_id = ?", "i",
                row->model_id);
    if (query_row(&query)) {
        const char **texts[] = {&row->model,     &row->variant,  &row->precision, &row->arch,
                                &row->family,    &row->technique, &row->gradient, &row->twin,
                                &row->file_sha,  &row->preproc,  &row->meta};
        for (int i = 0; i < 11; i++)
            *texts[i] = copy(arena, query_text(&query, i));
        row->params = query_int(&query, 11);
        row->macs = query_int(&query, 12);
        row->file_bytes = query_int(&query, 13);
    }
    return query_end(&query);
}

/* specs/attacks.md A7.3: signs that an attack was too weak for the number it gave. */
static bool doubts(const char *flag)
{
    static const char *const codes[] = {
        "ZERO_GRAD", "SATURATED", "LOW_FIDELITY", "SQUARE_WINS", "TRANSFER_WINS",
        "RANDOM_WINS", "NOT_CONVERGED", "NOT_MONOTONE", "UNBOUNDED_SURVIVES",
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!strcmp(flag, codes[i]))
            return true;
    return false;
}

bool board_doubtful(const char *flags)
{
    char *codes = mem_copy(flags ? flags : ""), *rest = NULL;
    bool doubtful = false;
    for (char *word = strtok_r(codes, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        doubtful = doubtful || doubts(word);
    free(codes);
    return doubtful;
}

/* Each flag once, in the order of its first cell. */
static void gather_flags(struct arena *arena, const struct board_section *section,
                         struct board_row *row)
{
    struct text all = {0};
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_cell *cell = row->cells[c];
        char *codes = mem_copy(cell && cell->flags ? cell->flags : ""), *rest = NULL;
        for (char *word = strtok_r(codes, " ", &rest); word;
             word = strtok_r(NULL, " ", &rest)) {
            char *padded = mem_format(" %s ", word);
            if (!all.data || !strstr(all.data, padded))
                text_addf(&all, "%s%s ", all.data ? "" : " ", word);
            row->unreliable = row->unreliable || doubts(word);
            free(padded);
        }
        free(codes);
    }
    if (all.data) {
        all.data[all.size - 1] = 0;
        row->flags = arena_copy(arena, all.data + 1);
    }
    text_clear(&all);
}

static enum status check_options(const struct leaderboard_options *options,
                                 struct board *board)
{
    bool known = !options->kind;
    for (int kind = 0; kind < KINDS; kind++)
        known = known || !strcmp(options->kind, board_kind_names[kind]);
    if (!known)
        return status_fail(ERR_USAGE, "no kind '%s': clean, system, natural, adversarial or "
                           "worst", options->kind);
    board->sort = MEASURE_CLEAN;
    if (!options->sort)
        return OK;
    const char *names[MEASURES + 1];
    for (int m = 0; m < MEASURES; m++) {
        names[m] = board_measures[m].name;
        if (!strcmp(options->sort, names[m])) {
            board->sort = (enum board_measure)m;
            return OK;
        }
    }
    names[MEASURES] = "name";
    board->sort = MEASURES; /* by name */
    if (!strcmp(options->sort, "name"))
        return OK;
    const char *near = text_nearest(options->sort, names, MEASURES + 1);
    return status_fail(ERR_USAGE, "cannot sort by '%s'%s%s%s", options->sort,
                       near ? ": did you mean '" : "; try clean, natural or adversarial",
                       near ? near : "", near ? "'?" : "");
}

static void find_baseline(const struct board *board, struct board_section *section)
{
    section->baseline_row = -1;
    for (size_t i = 0; board->baseline && i < section->n_rows; i++)
        if (!strcmp(section->rows[i].model, board->baseline))
            section->baseline_row = (int)i;
}

static enum status check_baseline(const struct board *board)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < board->n_sections; i++) {
        if (!board->baseline || board->sections[i].baseline_row >= 0)
            return OK;
        for (size_t r = 0; r < board->sections[i].n_rows && count < 64; r++)
            names[count++] = board->sections[i].rows[r].model;
    }
    const char *near = count ? text_nearest(board->baseline, names, count) : NULL;
    return !count ? OK
                  : status_fail(ERR_USAGE, "no network '%s' on these boards%s%s%s",
                                board->baseline, near ? ": did you mean '" : "",
                                near ? near : "", near ? "'?" : "");
}

static enum status fill_section(sqlite3 *db, struct board *board,
                                struct board_section *section)
{
    enum status st = OK;
    for (size_t i = 0; i < section->n_rows && !st; i++) {
        st = read_model(db, &board->arena, &section->rows[i]);
        if (!st)
            gather_flags(&board->arena, section, &section->rows[i]);
    }
    find_baseline(board, section);
    if (!st)
        st = board_baseline(db, board, section);
    if (st)
        return st;
    struct bootstrap bootstrap;
    bootstrap_open(&bootstrap, (size_t)section->n, BOOTSTRAP_REPLICATES, 0);
    board_measure(section, board->sort, &bootstrap);
    board_twins(board, section, &bootstrap);
    find_baseline(board, section); /* again: rows are in order now */
    st = board_matrices(db, board, section, &bootstrap);
    if (!st)
        st = board_stability(db, board, section, &bootstrap);
    if (!st)
        st = board_unknown(db, board, section);
    bootstrap_close(&bootstrap);
    board_transfers(board, section);
    return st ? st : board_curves(db, board, section);
}

enum status board_open(struct store *store, const struct leaderboard_options *options,
                       struct board **out)
{
    sqlite3 *db = store_handle(store);
    struct board *board = mem_new(sizeof *board);
    board->finished = board->version = "";
    board->baseline = options->baseline;
    *out = NULL;
    enum status st = check_options(options, board);
    /* One transaction: a run that goes on must not be seen half way through. */
    if (!st)
        st = sql_script(db, "BEGIN");
    if (!st) {
        st = read_cells(db, options, board);
        for (size_t i = 0; i < board->n_sections && !st; i++)
            st = fill_section(db, board, &board->sections[i]);
        if (!st)
            st = check_baseline(board);
        if (!st)
            st = sql_int(db, 0, &board->n_runs, "SELECT count(*) FROM run", "");
        if (!st)
            st = sql_int(db, 0, &board->n_failed, "SELECT count(*) FROM failed", "");
        st = sql_end(db, st);
    }
    if (!st && !board->n_sections)
        st = status_fail(ERR_NOTFOUND, "no finished cells%s",
                         options->dataset || options->model || options->kind
                             ? " that these filters leave" : " yet: try gauntlet run");
    if (st)
        board_close(board);
    else
        *out = board;
    return st;
}

void board_close(struct board *board)
{
    if (!board)
        return;
    for (size_t i = 0; i < board->n_sections; i++) {
        free(board->sections[i].conditions);
        free(board->sections[i].rows);
        free(board->sections[i].twins);
        free(board->sections[i].matrices);
        free(board->sections[i].stabilities);
        free(board->sections[i].detections);
        free(board->sections[i].transfers);
        free(board->sections[i].curves);
    }
    free(board->sections);
    arena_clear(&board->arena);
    free(board);
}
