#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/mem.h"
#include "results/internal.h"
#include "results/nightly.h"

#include <string.h>

static const struct night_options usual = {.min_effect = 0.001};

static const struct night_cell *find(const struct night *night, const char *model,
                                     const char *condition)
{
    for (size_t i = 0; i < night->n_cells; i++)
        if (!strcmp(night->cells[i].model, model) &&
            !strcmp(night->cells[i].condition, condition))
            return &night->cells[i];
    fail_msg("no cell %s, %s", model, condition);
    return NULL;
}

/* Night 1: alpha and beta, clean and fog. Night 2: beta's cells are found; alpha's file is
 * another, and worse in fog. */
static void two_nights(struct fixture *f, double fog)
{
    fixture_open(f, 1000);
    int64_t clean = fixture_condition(f, "clean", "clean", "clean", 0, -1);
    int64_t foggy = fixture_condition(f, "natural", "fog", "fog:3", 3, -1);
    fixture_cell(f, 0, clean, 0.9, 1);
    fixture_cell(f, 0, foggy, 0.7, 2);
    int64_t found[2] = {fixture_cell(f, 2, clean, 0.85, 3), fixture_cell(f, 2, foggy, 0.6, 4)};
    assert_ok(store_run_end(f->store, f->run, "done", 0));

    struct store_model changed = {.name = "alpha", .precision = "fp32", .gradient = "exact",
                                  .file_sha = "retrained", .n_classes = 10};
    assert_ok(store_put_model(f->store, &changed, &f->model[0]));
    fixture_new_run(f);
    assert_ok(store_use_cells(f->store, f->run, found, 2));
    /* the same draws: the same predictions under another key */
    int *top1 = fixture_predict(f, 0.9, 1);
    struct store_cell cell = {
        .run_id = f->run, .model_id = f->model[0], .dataset_id = f->dataset, .cond_id = clean,
        .subset_id = f->subset, .key = "clean again", .status = "done", .n = f->n,
        .top1 = top1};
    int64_t id;
    assert_ok(store_put_cell(f->store, &cell, &id));
    free(top1);
    fixture_cell(f, 0, foggy, fog, 5);
    assert_ok(store_run_end(f->store, f->run, "done", 0));
}

static void a_changed_file_is_told(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    int64_t before;
    two_nights(&f, 0.6);
    assert_ok(night_previous(f.store, f.run, NULL, &before));
    assert_int_equal(before, 1);
    assert_ok(night_open(f.store, f.run, before, &usual, &night));
    assert_int_equal(night->n_cells, 4);
    assert_int_equal(night->counts[VERDICT_IDENTICAL], 3);
    assert_int_equal(night->counts[VERDICT_WORSE], 1);
    assert_true(night_regressed(night));
    const struct night_cell *cell = find(night, "alpha", "fog:3");
    assert_int_equal(cell->verdict, VERDICT_WORSE);
    assert_true(cell->paired && cell->lost > cell->won && cell->n_flips == NIGHT_FLIPS);
    assert_near(cell->after_acc - cell->before_acc,
                (double)(cell->won - cell->lost) / 1000, 1e-12);
    assert_near(cell->adjusted, 2 * cell->p, 1e-12 * cell->p); /* two were computed anew */
    assert_true(find(night, "alpha", "clean")->again);
    assert_false(find(night, "beta", "clean")->again);

    /* the comparison is in the database, by the same counts as SQL's */
    int64_t same = 0;
    assert_ok(sql_int(store_handle(f.store), 0, &same,
                      "SELECT count(*) FROM comparison c JOIN cell a ON a.cell_id = c.a JOIN"
                      " cell b ON b.cell_id = c.b WHERE n11 + n10 = a.n_ok AND n11 + n01 ="
                      " b.n_ok AND n11 + n10 + n01 + n00 = a.n AND verdict IN ('worse',"
                      " 'identical')", ""));
    assert_int_equal(same, 2);
    night_close(night);
    fixture_close(&f);
}

static void chance_is_no_regression(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    two_nights(&f, 0.695);
    assert_ok(night_open(f.store, f.run, 1, &usual, &night));
    const struct night_cell *cell = find(night, "alpha", "fog:3");
    assert_true(cell->changed > 0);
    assert_int_equal(cell->verdict, VERDICT_SAME);
    assert_false(night_regressed(night));
    night_close(night);
    fixture_close(&f);

    /* significant, but smaller than anybody cares for */
    struct night_options broad = {.min_effect = 0.5};
    two_nights(&f, 0.6);
    assert_ok(night_open(f.store, f.run, 1, &broad, &night));
    assert_int_equal(find(night, "alpha", "fog:3")->verdict, VERDICT_SAME);
    night_close(night);
    fixture_close(&f);
}

static void the_first_night_has_nothing_before(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    int64_t before = 9;
    fixture_open(&f, 50);
    fixture_fill(&f);
    assert_ok(night_previous(f.store, f.run, NULL, &before));
    assert_int_equal(before, 0);
    assert_ok(night_open(f.store, f.run, 0, &usual, &night));
    assert_int_equal(night->counts[VERDICT_NEW], 63);
    assert_false(night_regressed(night));
    night_close(night);
    assert_int_equal(night_previous(f.store, f.run, "release", &before), ERR_NOTFOUND);
    assert_ok(night_pin(f.store, f.run, "release"));
    assert_ok(night_previous(f.store, f.run, "release", &before));
    assert_int_equal(before, f.run);
    fixture_close(&f);
}

static void canaries_that_sing_differently(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    fixture_open(&f, 200);
    int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1);
    fixture_cell(&f, 0, clean, 0.9, 1);
    fixture_cell(&f, 2, clean, 0.8, 1);
    fixture_new_run(&f);
    fixture_cell(&f, 0, clean, 0.9, 1);  /* the same again */
    fixture_cell(&f, 2, clean, 0.7, 1);  /* the same key, not the same */
    assert_ok(night_open(f.store, f.run, 1, &usual, &night));
    assert_int_equal(night->canaries, 2);
    assert_int_equal(night->canaries_changed, 1);
    assert_true(night_regressed(night));
    night_close(night);
    fixture_close(&f);
}

static void gates_are_judged(void **state)
{
    (void)state;
    struct fixture f;
    bool holds;
    char outcome[128];
    fixture_open(&f, 200);
    fixture_fill(&f);
    static const struct {
        const char *gate;
        bool holds;
    } gates[] = {
        {"acc(int8) >= 0.9*acc(fp32)", true},
        {"acc(alpha-int8) >= 2 * acc(alpha)", false},
        {"acc(alpha, natural) > acc(alpha, adversarial)", true},
        {"worst(alpha, kind=natural) < acc(alpha, natural)", true},
        {"delta(noise=fog) > 0", false},
        {"kept(alpha, fog:1) >= 50%", true},
        {"acc(alpha*) - acc(beta) > -1", true},
        {"(1 + 1) / 4 <= 0.5", true},
        {"acc(model=beta, dataset=toy, condition=decode=stb resize=pillow-bilinear) > 0.1",
         true},
    };
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
        assert_ok(gate_judge(f.store, f.run, gates[i].gate, &holds, outcome));
        if (holds != gates[i].holds)
            fail_msg("%s: %s", gates[i].gate, outcome);
    }
    static const char *const wrong[] = {
        "acc(int8)", "acc(int8 > 3", "acc(nobody) > 0.5", "acc() >= 1 2", "> 3", "",
        "acc(alpha, beta) > 0", "accuracy(int8) > 1", "acc('; DROP TABLE cell; --) > 0",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(gate_judge(f.store, f.run, wrong[i], &holds, outcome), ERR_USAGE);
    assert_int_equal(gate_judge(f.store, f.run, "acc(nobody) > 0.5", &holds, outcome),
                     ERR_USAGE);
    assert_non_null(strstr(status_message(), "'nobody'"));
    fixture_close(&f);
}

static char *report(const struct night *night, const char *format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_ok(night_write(night, format, 100, false, out));
    fclose(out);
    return text;
}

static void reports_say_what_changed(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    const char *const gates[] = {"acc(alpha, fog:3) >= 0.99", "acc(alpha) > 0.1"};
    struct night_options options = {.min_effect = 0.001, .gates = gates, .n_gates = 2};
    two_nights(&f, 0.6);
    assert_ok(night_open(f.store, f.run, 1, &options, &night));
    char *text = report(night, "terminal");
    assert_non_null(strstr(text, "1 worse, 3 identical; 1 of 2 gates hold"));
    assert_non_null(strstr(text, "worse    alpha"));
    assert_non_null(strstr(text, "test/"));
    free(text);
    text = report(night, "markdown");
    assert_non_null(strstr(text, "| worse | alpha |"));
    free(text);
    text = report(night, "html");
    assert_non_null(strstr(text, "<td class=\" fall\">worse</td><td class=\"\">alpha</td>"));
    assert_non_null(strstr(text, "acc(alpha, fog:3) &gt;= 0.99"));
    free(text);
    text = report(night, "junit");
    assert_non_null(strstr(text, "tests=\"6\" failures=\"2\""));
    assert_non_null(strstr(text, "name=\"acc(alpha, fog:3) &gt;= 0.99\""));
    free(text);
    night_close(night);
    fixture_close(&f);
}

/* Eight numbers that moved by chance: the largest in the terminal, all in Markdown. */
static void chance_takes_little_room(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    fixture_open(&f, 300);
    int64_t fog[8];
    for (int i = 0; i < 16; i++) {
        char label[16];
        snprintf(label, sizeof label, "fog:%d", i % 8 + 1);
        if (i == 8)
            fixture_new_run(&f);
        fog[i % 8] = fixture_condition(&f, "natural", "fog", label, i % 8 + 1, -1);
        fixture_cell(&f, 0, fog[i % 8], 0.7, i);
    }
    assert_ok(night_open(f.store, f.run, 1, &usual, &night));
    assert_int_equal(night->counts[VERDICT_SAME], 8);
    char *text = report(night, "terminal");
    assert_non_null(strstr(text, "3 more that changed by no more than chance"));
    free(text);
    text = report(night, "markdown");
    int rows = 0;
    for (const char *at = text; (at = strstr(at, "| same |")); at++)
        rows++;
    assert_int_equal(rows, 8);
    free(text);
    night_close(night);
    fixture_close(&f);
}

/* Nights of even work, the last `slow` of them at twice the time and memory. */
static void even_nights(struct fixture *f, int nights, int slow)
{
    fixture_open(f, 50);
    int64_t clean = fixture_condition(f, "clean", "clean", "clean", 0, -1);
    for (int i = 0; i < nights; i++) {
        if (i)
            fixture_new_run(f);
        int64_t id = fixture_cell(f, 0, clean, 0.9, 1);
        double factor = i >= nights - slow ? 2 : 1;
        assert_ok(sql_run(store_handle(f->store), "UPDATE run_cell SET cpu_s = ?, rss_kb = ?"
                          " WHERE run_id = ? AND cell_id = ?", "diii",
                          factor * (1 + 0.01 * i), (int64_t)(factor * 51200), f->run, id));
        char date[32];
        snprintf(date, sizeof date, "2031-05-%02dT02:15:00.000Z", i + 1);
        assert_ok(sql_run(store_handle(f->store), "UPDATE run SET started = ?, status = 'done'"
                          " WHERE run_id = ?", "ti", date, f->run));
    }
}

static void more_than_usual_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    even_nights(&f, 9, 1);
    assert_ok(night_open(f.store, f.run, f.run - 1, &usual, &night));
    assert_int_equal(night->n_slow, 2);
    assert_near(night->slow[0].usual, 1.04, 1e-9); /* of the seven before: 1.01 to 1.07 */
    assert_near(night->slow[0].now, 2.16, 1e-9);
    assert_string_equal(night->slow[0].condition, "clean");
    assert_string_equal(night->slow[1].condition, ""); /* the night's memory, MiB */
    assert_near(night->slow[1].usual, 50, 1e-9);
    assert_near(night->slow[1].now, 100, 1e-9);
    night_close(night);
    assert_ok(night_open(f.store, f.run - 1, f.run - 2, &usual, &night));
    assert_int_equal(night->n_slow, 0);
    night_close(night);
    fixture_close(&f);

    /* the third slow night says since when; nobody slept through the first */
    even_nights(&f, 12, 3);
    assert_ok(night_open(f.store, f.run, f.run - 1, &usual, &night));
    assert_int_equal(night->n_slow, 2);
    for (int i = 0; i < 2; i++)
        assert_string_equal(night->slow[i].since, "2031-05-10T02:15:00.000Z");
    night_close(night);
    fixture_close(&f);
}

/* What a night that was cut short did not come to is not gone. */
static void the_unreached_is_not_gone(void **state)
{
    (void)state;
    struct fixture f;
    struct night *night;
    static const char *const ends[] = {"done", "interrupted"};
    for (int i = 0; i < 2; i++) {
        fixture_open(&f, 50);
        int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1);
        fixture_cell(&f, 0, clean, 0.9, 1);
        fixture_cell(&f, 0, fixture_condition(&f, "natural", "fog", "fog:1", 1, -1), 0.8, 2);
        fixture_new_run(&f);
        fixture_cell(&f, 0, clean, 0.9, 1);
        assert_ok(store_run_end(f.store, f.run, ends[i], 0));
        assert_ok(night_open(f.store, f.run, 1, &usual, &night));
        assert_int_equal(night->counts[VERDICT_GONE], !i);
        assert_int_equal(night->counts[VERDICT_UNREACHED], i);
        night_close(night);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_file_is_told),
        cmocka_unit_test(chance_is_no_regression),
        cmocka_unit_test(the_first_night_has_nothing_before),
        cmocka_unit_test(canaries_that_sing_differently),
        cmocka_unit_test(gates_are_judged),
        cmocka_unit_test(reports_say_what_changed),
        cmocka_unit_test(chance_takes_little_room),
        cmocka_unit_test(more_than_usual_is_noticed),
        cmocka_unit_test(the_unreached_is_not_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
