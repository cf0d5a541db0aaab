#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/json.h"
#include "base/mem.h"
#include "results/board.h"
#include "results/internal.h"

#include <math.h>
#include <string.h>

static char *write_board(struct fixture *f, struct leaderboard_options options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_ok(leaderboard_write(f->store, &options, out));
    fclose(out);
    return text;
}

static struct fixture filled;

static int fill(void **state)
{
    (void)state;
    fixture_open(&filled, 300);
    fixture_fill(&filled);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    fixture_close(&filled);
    return 0;
}

static struct board *open_board(const char *sort)
{
    struct leaderboard_options options = {.sort = sort};
    struct board *board = NULL;
    assert_ok(board_open(filled.store, &options, &board));
    return board;
}

/* The same numbers by way of SQL. */
static double ask(const char *sql)
{
    struct query query;
    query_begin(&query, store_handle(filled.store), sql, "");
    double value = query_row(&query) ? query_real(&query, 0) : (double)NAN;
    assert_ok(query_end(&query));
    return value;
}

static void rows_equal_the_database(void **state)
{
    (void)state;
    struct board *board = open_board(NULL);
    assert_int_equal(board->n_sections, 1);
    const struct board_section *section = board->sections;
    assert_int_equal(section->n_rows, 3);
    assert_int_equal(section->n_conditions, 21);
    assert_int_equal(section->n_cells, 63);
    const struct board_row *best = &section->rows[0];
    assert_string_equal(best->model, "alpha");
    assert_near(best->values[MEASURE_NATURAL].value,
                ask("SELECT avg(acc) FROM result WHERE model = 'alpha' AND kind = 'natural'"),
                1e-12);
    assert_near(best->values[MEASURE_ADVERSARIAL_DELTA].value,
                ask("SELECT avg(delta) FROM result WHERE model = 'alpha' AND kind ="
                    " 'adversarial'"), 1e-12);
    assert_near(best->values[MEASURE_SYSTEM_WORST].value,
                ask("SELECT min(acc) FROM result WHERE model = 'alpha' AND kind = 'system'"),
                1e-12);
    assert_near(best->values[MEASURE_CLEAN].lo,
                ask("SELECT lo95 FROM result WHERE model = 'alpha' AND kind = 'clean'"), 1e-6);
    assert_false(best->values[MEASURE_MCE].present);
    board_close(board);
}

/* One condition only: the bootstrap's interval of a mean is nearly the paired normal one. */
static void bootstrap_equals_the_paired_interval(void **state)
{
    (void)state;
    struct board *board = open_board(NULL);
    const struct board_section *section = board->sections;
    double se = ask("SELECT delta_se FROM result WHERE model = 'alpha-int8' AND condition ="
                    " 'fog:1'");
    assert_true(se > 0);
    struct bootstrap bootstrap;
    bootstrap_open(&bootstrap, 300, BOOTSTRAP_REPLICATES, 0);
    double x[300] = {0};
    for (size_t r = 0; r < 3; r++)
        for (size_t c = 0; c < section->n_conditions; c++)
            for (size_t i = 0; i < 300; i++)
                if (!strcmp(section->rows[r].model, "alpha-int8")) {
                    int ok = section->rows[r].cells[c]->ok[i / 8] >> (i % 8) & 1;
                    const char *label = section->conditions[c].label;
                    x[i] += !strcmp(label, "fog:1") ? ok : !strcmp(label, "clean") ? -ok : 0;
                }
    struct interval interval = bootstrap_interval(&bootstrap, x, NULL);
    assert_near((interval.hi - interval.lo) / 2, 1.96 * se, 0.15 * 1.96 * se);
    bootstrap_close(&bootstrap);
    board_close(board);
}

static void ties_and_order(void **state)
{
    (void)state;
    struct board *board = open_board("natural");
    const struct board_row *rows = board->sections[0].rows;
    assert_string_equal(rows[0].model, "alpha");
    assert_int_equal(rows[0].group, 1);
    assert_string_equal(rows[2].model, "beta");
    assert_true(rows[2].group >= 2);
    assert_true(rows[0].values[MEASURE_NATURAL].value >= rows[1].values[MEASURE_NATURAL].value);
    board_close(board);

    board = open_board("name");
    assert_int_equal(board->sections[0].rows[0].group, 0);
    board_close(board);
}

static void twins_by_hand(void **state)
{
    (void)state;
    struct board *board = open_board(NULL);
    const struct board_section *section = board->sections;
    assert_int_equal(section->n_twins, 1);
    const struct board_twin *twin = section->twins;
    assert_string_equal(section->rows[twin->row].model, "alpha-int8");
    assert_string_equal(section->rows[twin->twin_row].model, "alpha");
    assert_int_equal(twin->n_lines, 4);
    const struct board_twin_line *natural = &twin->lines[2];
    assert_int_equal(natural->kind, KIND_NATURAL);
    assert_int_equal(natural->conditions, 10);
    assert_near(natural->difference.value,
                -ask("SELECT avg(cost) FROM twin WHERE kind = 'natural'"), 1e-12);
    assert_near(natural->beyond.value,
                -ask("SELECT avg(robustness_cost) FROM twin WHERE kind = 'natural'"), 1e-12);
    assert_true(natural->difference.lo < natural->difference.value &&
                natural->difference.value < natural->difference.hi);
    assert_false(twin->lines[0].beyond.present);
    board_close(board);
}

static void matrix_by_hand(void **state)
{
    (void)state;
    struct board *board = open_board(NULL);
    const struct board_section *section = board->sections;
    assert_int_equal(section->n_matrices, 3);
    const struct board_matrix *m = section->matrices;
    assert_string_equal(section->rows[m->row].model, "alpha");
    /* three decoders and two resizers, and the model's own pair, which is unnamed here */
    assert_int_equal(m->n_decoders, 4);
    assert_int_equal(m->n_resizers, 3);
#define GRID " FROM result WHERE model = 'alpha' AND kind IN ('system', 'clean')"
    assert_near(m->mean, ask("SELECT avg(acc)" GRID), 1e-12);
    assert_near(m->min, ask("SELECT min(acc)" GRID), 1e-12);
    assert_near(m->sd, ask("SELECT sqrt((sum(acc*acc) - 7*avg(acc)*avg(acc))/6)" GRID), 1e-9);
    assert_near(m->persample_worst,
                ask("SELECT avg(w) FROM (SELECT pos, min(ok) w FROM pred_row WHERE cell_id IN"
                    " (SELECT cell_id FROM result WHERE model = 'alpha' AND kind IN"
                    " ('system', 'clean')) GROUP BY pos)"), 1e-12);
#undef GRID
    /* of a model that says how it is used, the own pair is one of them */
    const struct board_matrix *beta = &section->matrices[2];
    assert_string_equal(section->rows[beta->row].model, "beta");
    assert_int_equal(beta->n_decoders * beta->n_resizers, 6);
    assert_ptr_equal(beta->cells[0], beta->own);
    assert_near(m->flip_rate,
                ask("WITH p AS MATERIALIZED (SELECT r.kind, p.pos, p.top1 FROM result r CROSS"
                    " JOIN pred_row p USING(cell_id) WHERE model = 'alpha' AND kind IN"
                    " ('system', 'clean')) SELECT avg(a.top1 <> b.top1) FROM p a JOIN p b"
                    " USING(pos) WHERE a.kind = 'clean' AND b.kind = 'system'"), 1e-12);
    board_close(board);
}

/* A network that names its own decoder and resizer has them in the grid, not beside it. */
static void matrix_holds_the_own_pair(void **state)
{
    (void)state;
    struct fixture f;
    struct board *board;
    fixture_open(&f, 60);
    fixture_fill(&f);
    assert_ok(sql_run(store_handle(f.store), "UPDATE model SET preproc = ?", "t",
                      "{\"decoder\":\"stb\",\"resizer\":\"pillow-bilinear\"}"));
    assert_ok(board_open(f.store, &(struct leaderboard_options){0}, &board));
    const struct board_section *section = board->sections;
    const struct board_matrix *m = section->matrices;
    assert_int_equal(m->n_decoders, 3);
    assert_int_equal(m->n_resizers, 2);
    for (size_t d = 0; d < 3; d++)
        for (size_t r = 0; r < 2; r++)
            if (!strcmp(m->decoders[d], "stb") && !strcmp(m->resizers[r], "pillow-bilinear"))
                assert_ptr_equal(m->cells[d * 2 + r], section->rows[m->row].cells[0]);
    board_close(board);
    fixture_close(&f);
}

/* A pair's interval is the paired one; the means' are bootstrapped from the same images. */
static void matrix_is_paired(void **state)
{
    (void)state;
    struct board *board = open_board(NULL);
    const struct board_matrix *m = board->sections->matrices;
#define GRID " FROM result WHERE model = 'alpha' AND kind = 'system'"
    assert_near(m->mean_delta.value, ask("SELECT avg(delta)" GRID), 1e-12);
    assert_near(m->worst_delta.value, ask("SELECT min(delta)" GRID), 1e-12);
    assert_near(m->worst_delta.hi - m->worst_delta.value,
                1.959964 * ask("SELECT delta_se" GRID " ORDER BY delta LIMIT 1"), 1e-9);
#undef GRID
    assert_near(m->persample_delta.value,
                m->persample_worst - ask("SELECT acc FROM result WHERE model = 'alpha' AND"
                                         " kind = 'clean'"), 1e-12);
    assert_true(m->flips.lo < m->flip_rate && m->flip_rate < m->flips.hi);
    assert_true(m->mean_delta.lo < m->mean_delta.value &&
                m->mean_delta.value < m->mean_delta.hi);
    board_close(board);
}

/* Every corruption of mCE at every severity, and a sequence or two. */
static void put_natural(struct fixture *f, int model, double clean)
{
    char label[80];
    int luck = 1000 * (model + 1);
    fixture_cell(f, model, fixture_condition(f, "clean", "clean", "clean", 0, -1), clean,
                 luck++);
    struct query query;
    query_begin(&query, store_handle(f->store), "SELECT corruption, severity FROM baseline"
                " WHERE severity > 0", "");
    while (query_row(&query)) {
        int severity = (int)query_int(&query, 1);
        snprintf(label, sizeof label, "%s:%d", query_text(&query, 0), severity);
        fixture_cell(f, model,
                     fixture_condition(f, "natural", query_text(&query, 0), label, severity,
                                       -1), clean - 0.1 * severity, luck++);
    }
    assert_ok(query_end(&query));
}

static void put_sequence(struct fixture *f, int model, const char *name, int flips,
                         bool with_failure)
{
    int *top1 = fixture_predict(f, 0.5, model), *moved = mem_array(f->n, sizeof *moved);
    int *spread = mem_array(f->n, sizeof *spread);
    char *key = mem_format("%s %d", name, model);
    for (size_t i = 0; i < f->n; i++) {
        moved[i] = flips * (int)(i % 3);
        spread[i] = 4 * moved[i];
    }
    if (with_failure)
        moved[0] = spread[0] = -1;
    struct store_cell cell = {
        .run_id = f->run, .model_id = f->model[model], .dataset_id = f->dataset,
        .cond_id = fixture_condition(f, "sequence", name, name, 1, -1),
        .subset_id = f->subset, .key = key, .status = "done", .n = f->n, .top1 = top1,
        .pairs = 30, .flips = moved, .spread = spread,
    };
    int64_t id;
    assert_ok(store_put_cell(f->store, &cell, &id));
    free(key);
    free(top1);
    free(moved);
    free(spread);
}

/* A cell under attack with a lender of gradients (an index, or -1) and, for an attack that
 * searches distances, one distance a sample. */
static int64_t put_attack(struct fixture *f, int model, int source, const char *label,
                          double eps, double accuracy, const float *distance)
{
    char *noise = mem_format("%.*s", (int)strcspn(label, " "), label);
    int *top1 = fixture_predict(f, accuracy, model + 10 * source + (int)(1000 * eps));
    char *key = mem_format("%s %d %d", label, model, source);
    const struct store_measure median = {"median_distance", 0.004};
    struct store_cell cell = {
        .run_id = f->run, .model_id = f->model[model], .dataset_id = f->dataset,
        .cond_id = fixture_condition(f, "adversarial", noise, label, 0, eps),
        .source_id = source < 0 ? 0 : f->model[source], .subset_id = f->subset, .key = key,
        .status = "done", .n = f->n, .top1 = top1, .distance = distance,
        .n_measures = distance != NULL, .measures = &median,
    };
    int64_t id;
    assert_ok(store_put_cell(f->store, &cell, &id));
    free(noise);
    free(top1);
    free(key);
    return id;
}

static void put_transfers(struct fixture *f)
{
    static const double accuracy[2][3] = {{0.2, 0.5, 0.7}, {0.4, 0.3, 0.6}};
    const char *names[] = {"alpha", "alpha-int8"};
    for (int m = 0; m < FIXTURE_MODELS; m++)
        fixture_cell(f, m, fixture_condition(f, "clean", "clean", "clean", 0, -1), 0.9, m);
    for (int s = 0; s < 2; s++) {
        char *label = mem_format("fgsm-linf eps=2/255 source=%s", names[s]);
        for (int m = 0; m < FIXTURE_MODELS; m++)
            put_attack(f, m, s, label, 2.0 / 255, accuracy[s][m], NULL);
        free(label);
    }
}

static double ask_of(struct fixture *f, const char *sql)
{
    struct query query;
    query_begin(&query, store_handle(f->store), sql, "");
    double value = query_row(&query) ? query_real(&query, 0) : (double)NAN;
    assert_ok(query_end(&query));
    return value;
}

/* mCE and mFR against a network of the board, and the tables that show them. */
static void baselines_are_networks(void **state)
{
    (void)state;
    struct fixture f;
    struct board *board;
    fixture_open(&f, 90);
    put_natural(&f, 0, 0.9);
    put_natural(&f, 2, 0.7);
    put_sequence(&f, 0, "tilt-p", 1, true);
    put_sequence(&f, 2, "tilt-p", 3, false);
    put_sequence(&f, 0, "snow-p", 2, false);
    put_sequence(&f, 2, "snow-p", 2, false);
    put_sequence(&f, 0, "shear-p", 9, false); /* for validation: in no mean */

    struct leaderboard_options options = {.baseline = "beta", .width = 200};
    assert_ok(board_open(f.store, &options, &board));
    const struct board_section *section = board->sections;
    for (size_t r = 0; r < 2; r++) {
        const struct board_row *row = &section->rows[r];
        const struct board_value *mce = &row->values[MEASURE_MCE];
        assert_true(mce->present && row->values[MEASURE_RELATIVE_MCE].present);
        if (!strcmp(row->model, "beta"))
            assert_near(mce->value, 100, 1e-9);
        else
            assert_near(mce->value,
                        ask_of(&f, "SELECT 100 * avg(c) FROM (SELECT sum(1 - a.acc) / sum(1"
                                   " - b.acc) c FROM result a JOIN result b USING(condition)"
                                   " WHERE a.model = 'alpha' AND b.model = 'beta' AND a.kind"
                                   " = 'natural' GROUP BY a.noise)"), 1e-9);
    }
    assert_int_equal(section->n_stabilities, 2);
    const struct board_stability *line = section->stabilities; /* fewest flips first */
    assert_string_equal(section->rows[line->row].model, "alpha");
    assert_int_equal(line->n_sequences, 3);
    assert_int_equal(line->counted, 2);
    assert_near(line->flips.value,
                ask_of(&f, "SELECT avg(flip_rate) FROM stability WHERE model = 'alpha' AND"
                           " sequence <> 'shear-p'"), 1e-12);
    assert_near(line->mfr.value,
                ask_of(&f, "SELECT mfr FROM mfr WHERE model = 'alpha' AND baseline = 'beta'"),
                1e-9);
    assert_near(line->mt5d.value,
                ask_of(&f, "SELECT mt5d FROM mfr WHERE model = 'alpha' AND baseline = 'beta'"),
                1e-9);
    assert_near(line[1].mfr.value, 100, 1e-9);
    board_close(board);

    char *text = write_board(&f, options);
    assert_non_null(strstr(text, "Corruption errors: toy/test"));
    assert_non_null(strstr(text, "relative mCE: beta = 100"));
    assert_non_null(strstr(text, "pictures/s"));
    assert_non_null(strstr(text, "Stability over sequences: toy/test"));
    free(text);
    options.baseline = NULL; /* ten classes: AlexNet says nothing of them */
    assert_ok(board_open(f.store, &options, &board));
    assert_null(board->sections->mce);
    assert_false(board->sections->stabilities[0].mfr.present);
    board_close(board);
    options.baseline = "bta";
    assert_int_equal(board_open(f.store, &options, &board), ERR_USAGE);
    assert_non_null(strstr(status_message(), "did you mean 'beta'"));
    fixture_close(&f);
}

/* Confidences of clean cells meet: the unknown ones are less sure by construction. */
static void unknown_classes_are_detected(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 40);
    int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1), subset, id;
    uint32_t items[20];
    int *top1 = fixture_predict(&f, 0.5, 1);
    float confidence[40];
    for (int i = 0; i < 40; i++) {
        confidence[i] = 0.5f + 0.01f * (float)i;
        items[i % 20] = (uint32_t)(i % 20);
    }
    struct store_subset unknown = {f.dataset, "all role=ood", "ood", 20, items};
    assert_ok(store_put_subset(f.store, &unknown, &subset));
    struct store_cell cell = {
        .run_id = f.run, .model_id = f.model[0], .dataset_id = f.dataset, .cond_id = clean,
        .subset_id = f.subset, .key = "known", .status = "done", .n = 40, .top1 = top1,
        .confidence = confidence,
    };
    assert_ok(store_put_cell(f.store, &cell, &id));
    cell.subset_id = subset;
    cell.key = "unknown";
    cell.n = 20;
    confidence[0] = NAN; /* one that failed */
    assert_ok(store_put_cell(f.store, &cell, &id));

    struct board *board;
    assert_ok(board_open(f.store, &(struct leaderboard_options){0}, &board));
    assert_int_equal(board->n_sections, 1); /* accuracy on the unknown is no result */
    assert_int_equal(board->sections->n_detections, 1);
    const struct board_detection *d = board->sections->detections;
    assert_string_equal(d->name, "toy (19 pictures)");
    /* 0.51..0.69 unknown, 0.50..0.89 known: of 19 x 40 pairs the known is surer in
     * 38 + 37 + ... + 20, and 19 are ties. */
    assert_near(d->detection.auroc, (551 + 9.5) / (19 * 40), 1e-12);
    board_close(board);
    char *text = write_board(&f, (struct leaderboard_options){.width = 120});
    assert_non_null(strstr(text, "Unknown classes against toy/test"));
    free(text);
    free(top1);
    fixture_close(&f);
}

static void transfers_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    struct board *board = NULL;
    fixture_open(&f, 200);
    put_transfers(&f);
    assert_ok(board_open(f.store, &(struct leaderboard_options){.sort = "name"}, &board));
    const struct board_section *section = board->sections;
    assert_int_equal(section->n_transfers, 1);
    const struct board_transfer *transfer = section->transfers;
    assert_string_equal(transfer->label, "fgsm-linf eps=2/255");
    assert_int_equal(transfer->n_sources, 2);
    assert_string_equal(transfer->sources[1], "alpha-int8");
    assert_string_equal(section->rows[2].model, "beta");
    assert_near(transfer->cells[section->n_rows + 2]->kept,
                ask_of(&f, "SELECT kept FROM result WHERE model = 'beta' AND source ="
                           " 'alpha-int8'"), 1e-12);

    /* Right under what was crafted on either of the two, for both. */
    const struct board_twin *twin = section->twins;
    const struct board_twin_line *crafted = &twin->lines[twin->n_lines - 1];
    assert_string_equal(crafted->crafted, "Linf eps=2/255");
    assert_int_equal(crafted->conditions, 4);
#define UNION(model)                                                                       \
    "SELECT avg(w) FROM (SELECT min(ok) w FROM pred_row WHERE cell_id IN (SELECT cell_id"  \
    " FROM result WHERE model = '" model "' AND kind = 'adversarial') GROUP BY pos)"
    assert_near(crafted->acc, ask_of(&f, UNION("alpha-int8")), 1e-12);
    assert_near(crafted->twin_acc, ask_of(&f, UNION("alpha")), 1e-12);
#undef UNION
    assert_near(crafted->difference.value, crafted->acc - crafted->twin_acc, 1e-12);
    board_close(board);

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_ok(leaderboard_write(f.store, &(struct leaderboard_options){.transfer = true}, out));
    fclose(out);
    assert_non_null(strstr(text, "Transfer of fgsm-linf eps=2/255"));
    assert_non_null(strstr(text, "mean of others"));
    assert_null(strstr(text, "What compression costs"));
    free(text);
    fixture_close(&f);
}

static void curves_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    struct board *board = NULL;
    float distance[100];
    fixture_open(&f, 100);
    for (int i = 0; i < 100; i++) /* a tenth was wrong before, a tenth was never fooled */
        distance[i] = i < 10 ? NAN : i < 20 ? INFINITY : (float)i / 10000;
    put_attack(&f, 0, -1, "pgd-linf eps=1/255 steps=9", 1.0 / 255, 0.6, NULL);
    put_attack(&f, 0, -1, "pgd-linf eps=2/255 steps=9", 2.0 / 255, 0.4, NULL);
    put_attack(&f, 0, -1, "pgd-linf eps=2/255", 2.0 / 255, 0.4, NULL);
    put_attack(&f, 0, -1, "fab-linf eps=1/255", 1.0 / 255, 0.6, distance);
    assert_ok(board_open(f.store, &(struct leaderboard_options){0}, &board));
    const struct board_section *section = board->sections;
    assert_int_equal(section->n_curves, 2); /* one radius alone is none */
    const struct board_curve *fab = &section->curves[0], *pgd = &section->curves[1];
    assert_string_equal(pgd->attack, "pgd-linf steps=9");
    assert_int_equal(pgd->n_points, 2);
    assert_near(pgd->acc[1], ask_of(&f, "SELECT acc FROM result WHERE condition ="
                                        " 'pgd-linf eps=2/255 steps=9'"), 1e-12);
    assert_true(isnan(pgd->median));
    assert_string_equal(fab->attack, "fab-linf");
    assert_int_equal(fab->n_points, 2); /* the radii that these samples have met */
    assert_near(fab->acc[0], 0.70, 1e-12); /* 0.0039..: i >= 40, and the infinite */
    assert_near(fab->acc[1], 0.31, 1e-12); /* 0.0078..: i >= 79, and the infinite */
    assert_near(fab->median, 0.004, 1e-12);
    board_close(board);
    fixture_close(&f);
}

static void contradictions_are_flagged(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 200);
    put_attack(&f, 0, -1, "pgd-linf eps=1/255", 1.0 / 255, 0.3, NULL);
    put_attack(&f, 0, -1, "pgd-linf eps=2/255", 2.0 / 255, 0.6, NULL);
    put_attack(&f, 0, -1, "uniform-linf eps=2/255", 2.0 / 255, 0.5, NULL);
    put_attack(&f, 1, -1, "pgd-linf eps=2/255", 2.0 / 255, 0.1, NULL);
    for (int again = 0; again < 2; again++) {
        assert_ok(store_doubt(f.store));
        assert_true(ask_of(&f, "SELECT count(*) FROM flag") == 2);
        assert_near(ask_of(&f, "SELECT value FROM flag JOIN result USING(cell_id) WHERE code ="
                               " 'NOT_MONOTONE' AND condition = 'pgd-linf eps=2/255'"),
                    ask_of(&f, "SELECT 100 * (max(acc) - min(acc)) FROM result WHERE noise ="
                               " 'pgd-linf' AND model = 'alpha'"), 1e-9);
        assert_true(ask_of(&f, "SELECT count(*) FROM flag JOIN result USING(cell_id) WHERE"
                               " code = 'RANDOM_WINS' AND model = 'alpha'") == 1);
    }
    fixture_close(&f);
}

static void filters_and_mistakes(void **state)
{
    (void)state;
    struct board *board = NULL;
    struct leaderboard_options options = {.model = "alpha*", .kind = "natural"};
    assert_ok(board_open(filled.store, &options, &board));
    assert_int_equal(board->sections[0].n_rows, 2);
    assert_int_equal(board->sections[0].n_conditions, 11); /* and clean */
    board_close(board);
    options = (struct leaderboard_options){.dataset = "nothing"};
    assert_int_equal(board_open(filled.store, &options, &board), ERR_NOTFOUND);
    options = (struct leaderboard_options){.kind = "natral"};
    assert_int_equal(board_open(filled.store, &options, &board), ERR_USAGE);
    options = (struct leaderboard_options){.sort = "natral"};
    assert_int_equal(board_open(filled.store, &options, &board), ERR_USAGE);
    assert_non_null(strstr(status_message(), "natural"));
    options = (struct leaderboard_options){.format = "pdf"};
    assert_int_equal(leaderboard_write(filled.store, &options, stdout), ERR_USAGE);
    assert_non_null(strstr(status_message(), "markdown"));
}

/* Golden texts: GAUNTLET_UPDATE=1 writes them anew. */
static void equals_golden(const char *name, struct leaderboard_options options)
{
    char *text = write_board(&filled, options);
    const char *path = source_path(name);
    if (getenv("GAUNTLET_UPDATE")) {
        FILE *file = fopen(path, "w");
        fputs(text, file);
        fclose(file);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *golden = NULL;
    size_t room = 0;
    ssize_t size = getdelim(&golden, &room, 0, file);
    fclose(file);
    assert_true(size > 0);
    assert_string_equal(text, golden);
    free(golden);
    free(text);
}

static void texts_are_as_before(void **state)
{
    (void)state;
    struct leaderboard_options options = {.width = 120};
    equals_golden("tests/golden/board.txt", options);
    options.width = 70;
    equals_golden("tests/golden/board-narrow.txt", options);
    options = (struct leaderboard_options){.format = "markdown", .details = true};
    equals_golden("tests/golden/board.md", options);
    options = (struct leaderboard_options){.format = "latex"};
    equals_golden("tests/golden/board.tex", options);
    options = (struct leaderboard_options){.format = "robustbench"};
    equals_golden("tests/golden/board-robustbench.json", options);
    options = (struct leaderboard_options){.format = "csv", .kind = "adversarial"};
    equals_golden("tests/golden/board.csv", options);
}

/* A name that tries to leave its field, in every format. */
static void hostile_names_stay_inside(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 20);
    struct store_model model = {.name = "a,\"b\"|<script>&_$\\ %\n", .precision = "fp32",
                                .file_sha = "x", .n_classes = 10};
    assert_ok(store_put_model(f.store, &model, &f.model[0]));
    fixture_cell(&f, 0, fixture_condition(&f, "clean", "clean", "clean", 0, -1), 0.9, 1);

    char *text = write_board(&f, (struct leaderboard_options){.format = "csv"});
    assert_non_null(strstr(text, "\"a,\"\"b\"\"|<script>&_$\\ %\n\","));
    free(text);
    text = write_board(&f, (struct leaderboard_options){.format = "markdown"});
    assert_non_null(strstr(text, "a,\"b\"\\|\\<script>"));
    free(text);
    text = write_board(&f, (struct leaderboard_options){.format = "latex"});
    assert_non_null(strstr(text, "\\&\\_\\$\\textbackslash{}"));
    free(text);
    text = write_board(&f, (struct leaderboard_options){.format = "json"});
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    const cJSON *section = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "sections"), 0);
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(section, "rows"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(row, "model")), model.name);
    cJSON_Delete(json);
    free(text);
    fixture_close(&f);
}

/* Rules of RobustBench's files: strings for scores, autoattack_acc only when it ran. */
static void robustbench_files(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 100);
    fixture_cell(&f, 0, fixture_condition(&f, "clean", "clean", "clean", 0, -1), 0.9, 1);
    fixture_cell(&f, 0, fixture_condition(&f, "adversarial", "autoattack-linf",
                                          "autoattack-linf", 0, 8 / 255.0), 0.4, 2);
    fixture_cell(&f, 1, fixture_condition(&f, "clean", "clean", "clean", 0, -1), 0.9, 3);
    fixture_cell(&f, 1, fixture_condition(&f, "adversarial", "pgd-linf", "pgd-linf", 0,
                                          8 / 255.0), 0.4, 4);
    char *folder = mem_format("%s.d", f.path), *path, *text = NULL;
    struct leaderboard_options options = {.format = "robustbench"};
    assert_ok(leaderboard_write_files(f.store, &options, folder));
    for (int i = 0; i < 2; i++) {
        path = mem_format("%s/toy/Linf/alpha%s.json", folder, i ? "-int8" : "");
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        size_t room = 0;
        assert_true(getdelim(&text, &room, 0, file) > 0);
        fclose(file);
        free(path);
        cJSON *json = cJSON_Parse(text);
        assert_non_null(json);
        assert_true(cJSON_IsString(cJSON_GetObjectItem(json, "clean_acc")));
        assert_int_equal(cJSON_IsString(cJSON_GetObjectItem(json, "autoattack_acc")), !i);
        assert_int_equal(cJSON_IsString(cJSON_GetObjectItem(json, "footnote")), i);
        if (!i)
            assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "eps")),
                                "8/255");
        cJSON_Delete(json);
        free(text);
        text = NULL;
    }
    options.format = "csv";
    assert_int_equal(leaderboard_write_files(f.store, &options, folder), ERR_USAGE);
    free(folder);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_the_database),
        cmocka_unit_test(bootstrap_equals_the_paired_interval),
        cmocka_unit_test(ties_and_order),
        cmocka_unit_test(twins_by_hand),
        cmocka_unit_test(matrix_by_hand),
        cmocka_unit_test(matrix_holds_the_own_pair),
        cmocka_unit_test(matrix_is_paired),
        cmocka_unit_test(baselines_are_networks),
        cmocka_unit_test(unknown_classes_are_detected),
        cmocka_unit_test(transfers_by_hand),
        cmocka_unit_test(curves_by_hand),
        cmocka_unit_test(contradictions_are_flagged),
        cmocka_unit_test(filters_and_mistakes),
        cmocka_unit_test(texts_are_as_before),
        cmocka_unit_test(hostile_names_stay_inside),
        cmocka_unit_test(robustbench_files),
    };
    return cmocka_run_group_tests(tests, fill, clear);
}
