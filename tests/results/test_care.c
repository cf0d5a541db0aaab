/* Merging, checking, thinning, publishing; and what happens when things go wrong. */
#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/mem.h"
#include "results/board.h"
#include "results/internal.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static int64_t ask(struct fixture *f, const char *sql)
{
    int64_t value = -1;
    assert_ok(sql_int(store_handle(f->store), -1, &value, sql, ""));
    return value;
}

static char said[4096];

static void hear(void *context, const char *line)
{
    (void)context;
    size_t used = strlen(said);
    snprintf(said + used, sizeof said - used, "%s\n", line);
}

static int64_t problems(struct fixture *f, bool repair)
{
    int64_t count = -1;
    said[0] = 0;
    assert_ok(store_check(f->store, repair, hear, NULL, &count));
    return count;
}

/* Two shards, the clean cells in the second: together they are the whole. */
static void shards_make_the_whole(void **state)
{
    (void)state;
    struct fixture whole, first, second, merged;
    fixture_open(&whole, 80);
    fixture_open(&first, 80);
    fixture_open(&second, 80);
    fixture_open(&merged, 80);
    fixture_fill(&whole);
    /* condition numbers differ between the files: keys carry model, label and draw */
    struct fixture *parts[] = {&first, &second};
    for (int model = 0; model < 3; model++) {
        fixture_cell(&second, model,
                     fixture_condition(&second, "clean", "clean", "clean", 0, -1), 0.9, model);
        for (int severity = 1; severity <= 4; severity++) {
            char label[16];
            snprintf(label, sizeof label, "fog:%d", severity);
            struct fixture *part = parts[severity % 2];
            fixture_cell(part, model,
                         fixture_condition(part, "natural", "fog", label, severity, -1),
                         0.8 - 0.1 * severity, 10 * model + severity);
        }
    }
    assert_int_equal(ask(&first, "SELECT count(*) FROM cell WHERE n_clean_ok IS NULL"), 6);
    struct store_merge report;
    assert_ok(store_merge(merged.store, first.path, &report));
    assert_int_equal(report.cells, 6);
    assert_ok(store_merge(merged.store, second.path, &report));
    assert_int_equal(report.cells, 9);
    assert_int_equal(report.conflicts, 0);
    /* what the first shard could not know */
    assert_int_equal(ask(&merged, "SELECT count(*) FROM cell WHERE n_clean_ok IS NULL"), 0);
    assert_int_equal(ask(&merged, "SELECT sum(n_lost) > 0 FROM cell"), 1);
    assert_int_equal(ask(&merged, "SELECT count(*) FROM model"), 3);
    assert_int_equal(ask(&merged, "SELECT count(*) FROM sample"), 80);
    assert_int_equal(ask(&merged, "SELECT count(*) FROM twin"), 5);
    assert_int_equal(problems(&merged, false), 0);

    char before[65], after[65];
    assert_ok(store_digest(merged.store, before));
    for (int i = 0; i < 2; i++) {
        assert_ok(store_merge(merged.store, parts[i]->path, &report));
        assert_int_equal(report.cells + report.runs, 0);
        assert_int_equal(report.known, i ? 9 : 6);
    }
    assert_ok(store_digest(merged.store, after));
    assert_string_equal(before, after);
    fixture_close(&whole);
    fixture_close(&first);
    fixture_close(&second);
    fixture_close(&merged);
}

static void disagreement_is_kept_and_told(void **state)
{
    (void)state;
    struct fixture a, b;
    fixture_open(&a, 50);
    fixture_open(&b, 50);
    fixture_cell(&a, 0, fixture_condition(&a, "clean", "clean", "clean", 0, -1), 0.9, 1);
    fixture_cell(&b, 0, fixture_condition(&b, "clean", "clean", "clean", 0, -1), 0.5, 1);
    struct store_merge report;
    assert_ok(store_merge(a.store, b.path, &report));
    assert_int_equal(report.cells, 1);
    assert_int_equal(report.conflicts, 1);
    assert_int_equal(problems(&a, false), 1);
    assert_non_null(strstr(said, "not deterministic"));
    fixture_close(&a);
    fixture_close(&b);
}

static void missing_shards_are_named(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    char *missing = NULL;
    assert_ok(store_missing_shards(f.store, &missing));
    assert_null(missing);
    for (int shard = 1; shard <= 4; shard += 2) {
        struct store_run run = {.suite_sha = "s", .shard = shard, .n_shards = 4};
        int64_t id;
        assert_ok(store_run_begin(f.store, f.env, &run, &id));
        assert_ok(store_run_end(f.store, id, shard == 1 ? "done" : "interrupted", 0));
    }
    assert_ok(store_missing_shards(f.store, &missing));
    assert_string_equal(missing, "2/4 3/4 4/4");
    free(missing);
    fixture_close(&f);
}

static void damage_is_found(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 64);
    fixture_fill(&f);
    assert_int_equal(problems(&f, false), 0);
    sqlite3 *db = store_handle(f.store);
    assert_ok(sql_script(db, "UPDATE bits SET ok = zeroblob(8) WHERE cell_id = 3"));
    assert_int_equal(problems(&f, false), 1);
    assert_non_null(strstr(said, "bits and counts disagree: cell 3"));
    assert_ok(sql_script(db, "UPDATE pred SET top1 = replace(top1, '[', '[7,')"
                             " WHERE cell_id = 5"));
    assert_int_equal(problems(&f, false), 3); /* length, count, bits */
    assert_ok(sql_script(db, "DELETE FROM bits WHERE cell_id = 9"));
    assert_int_equal(problems(&f, false), 4);
    assert_ok(sql_script(db, "PRAGMA foreign_keys = OFF; DELETE FROM model WHERE model_id = 3;"
                             "PRAGMA foreign_keys = ON"));
    assert_true(problems(&f, false) > 10);
    fixture_close(&f);
}

static void dead_runs_are_ended(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_int_equal(problems(&f, true), 0); /* this process lives, on another host */
    sqlite3 *db = store_handle(f.store);
    assert_ok(sql_run(db, "UPDATE env SET host = ?", "t", host));
    assert_int_equal(problems(&f, true), 0); /* it lives */
    assert_ok(sql_script(db, "UPDATE run SET process = '1:1'"));
    assert_int_equal(problems(&f, true), 0);
    assert_non_null(strstr(said, "its process is gone"));
    assert_int_equal(ask(&f, "SELECT count(*) FROM run WHERE status = 'interrupted'"), 1);
    assert_int_equal(problems(&f, true), 0);
    assert_string_equal(said, "");
    fixture_close(&f);
}

static void pruning_spares_what_is_used(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 100);
    int64_t clean = fixture_condition(&f, "clean", "clean", "clean", 0, -1);
    int64_t fog = fixture_condition(&f, "natural", "fog", "fog:1", 1, -1);
    int64_t ids[4];
    for (int night = 0; night < 4; night++) {
        if (night)
            fixture_new_run(&f);
        fixture_cell(&f, 0, clean, 0.9, night);
        ids[night] = fixture_cell(&f, 0, fog, 0.7, night);
        assert_ok(store_run_end(f.store, f.run, "done", 0));
    }
    assert_ok(sql_script(store_handle(f.store), "INSERT INTO pin VALUES('release', 1)"));
    int64_t count;
    assert_ok(store_prune(f.store, 1, true, &count));
    assert_int_equal(count, 2); /* nights 2 and 3 of fog */
    assert_int_equal(ask(&f, "SELECT count(*) FROM pred"), 8);
    assert_ok(store_prune(f.store, 1, false, &count));
    assert_int_equal(count, 2);
    assert_int_equal(ask(&f, "SELECT count(*) FROM pred"), 6);
    assert_int_equal(ask(&f, "SELECT count(*) FROM cell"), 8);
    struct query query;
    query_begin(&query, store_handle(f.store), "SELECT count(*) FROM pred WHERE cell_id IN"
                " (?, ?)", "ii", ids[1], ids[2]);
    assert_true(query_row(&query) && query_int(&query, 0) == 0);
    assert_ok(query_end(&query));
    assert_int_equal(problems(&f, false), 0);
    assert_ok(store_prune(f.store, 1, false, &count));
    assert_int_equal(count, 0);
    fixture_close(&f);
}

static void exports_open_anywhere(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 20);
    fixture_fill(&f);
    char *path = mem_format("%s.published", f.path), *wal = mem_format("%s-wal", path);
    char before[65], after[65];
    assert_ok(store_digest(f.store, before));
    assert_ok(store_export(f.store, path));
    assert_ok(store_export(f.store, path)); /* over the old one */
    struct store *copy;
    assert_ok(store_open(path, STORE_READ, &copy));
    assert_ok(store_digest(copy, after));
    store_close(copy);
    assert_string_equal(before, after);
    assert_int_not_equal(access(wal, F_OK), 0);
    free(path);
    free(wal);
    fixture_close(&f);
}

/* Every schema that was ever released opens, is brought up, and keeps a backup. */
static void old_versions_are_migrated(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    store_close(f.store);
    unlink(f.path);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    FILE *file = fopen(source_path("tests/golden/store-v1.sql"), "r");
    assert_non_null(file);
    char *schema = NULL;
    size_t room = 0;
    assert_true(getdelim(&schema, &room, 0, file) > 0);
    fclose(file);
    assert_ok(sql_script(db, schema));
    free(schema);
    assert_ok(sql_script(db, "PRAGMA foreign_keys = ON; INSERT INTO noise VALUES(7, 'clean',"
                         " 'clean', 1); INSERT INTO condition VALUES(9, 7, 'clean', NULL,"
                         " NULL, NULL, '{}', 'sha')"));
    sqlite3_close(db);

    assert_int_equal(store_open(f.path, STORE_READ, &f.store), ERR_STORE);
    assert_non_null(strstr(status_message(), "version 1"));
    assert_ok(store_open(f.path, STORE_WRITE, &f.store));
    assert_non_null(strstr(store_warning(f.store), "v1-backup"));
    assert_int_equal(ask(&f, "PRAGMA user_version"), STORE_VERSION);
    assert_int_equal(ask(&f, "SELECT noise_id FROM condition JOIN noise USING(noise_id) WHERE"
                             " cond_id = 9 AND kind = 'clean'"), 7);
    assert_int_equal(ask(&f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    /* the same schema as a new file's, word for word */
    char *text = NULL, *fresh = NULL, *path = mem_format("%s.new", f.path);
    const char *all = "SELECT group_concat(replace(replace(sql, char(10), ''), ' ', ''))"
                      " FROM (SELECT sql FROM sqlite_schema ORDER BY type, name)";
    struct store *other;
    assert_ok(store_open(path, STORE_CREATE, &other));
    assert_ok(sql_text(store_handle(f.store), &text, all, ""));
    assert_ok(sql_text(store_handle(other), &fresh, all, ""));
    assert_string_equal(text, fresh);
    store_close(other);
    free(text);
    free(fresh);
    free(path);
    fixture_close(&f);
}

/* ---- faults ---- */

/* A child that writes cells until it is killed: 40 of them, in order, skipping done ones. */
static void write_cells(const char *path, size_t n)
{
    struct fixture f = {.n = n};
    snprintf(f.path, sizeof f.path, "%s", path);
    f.labels = mem_array(n, sizeof *f.labels);
    for (size_t i = 0; i < n; i++)
        f.labels[i] = (int)(i % FIXTURE_CLASSES);
    f.dataset = f.subset = f.env = 1;
    f.model[0] = 1;
    if (store_open(path, STORE_WRITE, &f.store))
        _exit(1);
    fixture_new_run(&f);
    for (int i = 0; i < 40; i++) {
        char label[32], *key;
        int64_t done = 0;
        snprintf(label, sizeof label, i ? "fog:%d" : "clean", i);
        int64_t condition = fixture_condition(&f, i ? "natural" : "clean", i ? "fog" : "clean",
                                              label, i, -1);
        key = mem_format("key-0-%lld-%d", (long long)condition, i);
        if (store_find_cell(f.store, key, &done))
            _exit(1);
        if (!done)
            fixture_cell(&f, 0, condition, 0.9 - 0.02 * i, i);
        free(key);
    }
    _exit(store_run_end(f.store, f.run, "done", 0) ? 1 : 0);
}

static int spawn_writer(const char *path, size_t n)
{
    fflush(NULL);
    pid_t child = fork();
    if (!child)
        write_cells(path, n);
    return child;
}

static void kills_lose_nothing(void **state)
{
    (void)state;
    struct fixture calm, wild;
    fixture_open(&calm, 400);
    fixture_open(&wild, 400);
    int code;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    waitpid(spawn_writer(calm.path, 400), &code, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(code, 0);
    double whole = (double)(end.tv_sec - start.tv_sec) +
                   1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    for (int i = 0; i < 25; i++) {
        pid_t child = spawn_writer(wild.path, 400);
        double wait = whole * (0.05 + 0.9 * ((i * 7919) % 25) / 25.0) / 8;
        struct timespec pause = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        waitpid(child, &code, 0);
        assert_int_equal(ask(&wild, "SELECT count(*) FROM pragma_integrity_check WHERE"
                                    " integrity_check <> 'ok'"), 0);
        assert_int_equal(ask(&wild, "SELECT count(*) FROM cell c WHERE status <> 'done' OR NOT"
                                    " EXISTS (SELECT 1 FROM pred p WHERE p.cell_id ="
                                    " c.cell_id)"), 0);
    }
    waitpid(spawn_writer(wild.path, 400), &code, 0);
    assert_int_equal(code, 0);
    assert_int_equal(ask(&wild, "SELECT count(*) FROM cell"), 40);
    char before[65], after[65];
    assert_ok(store_digest(calm.store, before));
    assert_ok(store_digest(wild.store, after));
    assert_string_equal(before, after);
    /* the fixtures' own runs count as alive; the killed ones are found */
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_ok(sql_run(store_handle(wild.store), "UPDATE env SET host = ?", "t", host));
    assert_int_equal(problems(&wild, true), 0);
    int64_t found = ask(&wild, "SELECT count(*) FROM run WHERE status = 'interrupted'");
    assert_true(found >= 1 && found <= 25);
    fixture_close(&calm);
    fixture_close(&wild);
}

static void two_writers_share_a_file(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 200);
    pid_t children[3];
    for (int i = 0; i < 3; i++)
        children[i] = spawn_writer(f.path, 200);
    for (int i = 0; i < 3; i++) {
        int code;
        waitpid(children[i], &code, 0);
        assert_int_equal(code, 0);
    }
    assert_int_equal(ask(&f, "SELECT count(DISTINCT key) FROM cell"), 40);
    assert_int_equal(ask(&f, "SELECT count(*) FROM cell"), 40); /* equal cells once */
    assert_int_equal(problems(&f, false), 0);
    fixture_close(&f);
}

/* A file-size limit stands for a full disk: the store says so and stays whole. */
static void a_full_disk_is_survived(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 400);
    char *wal = mem_format("%s-wal", f.path);
    struct stat info;
    assert_int_equal(stat(wal, &info), 0); /* all is in the log as yet */
    free(wal);
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        struct rlimit limit = {(rlim_t)info.st_size + 200000, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        struct fixture mine = f;
        if (store_open(f.path, STORE_WRITE, &mine.store))
            _exit(9);
        int *top1 = fixture_predict(&mine, 0.5, 1);
        for (int i = 0; i < 1000; i++) {
            char key[32];
            snprintf(key, sizeof key, "k%d", i);
            struct store_cell cell = {
                .run_id = f.run, .model_id = f.model[0], .dataset_id = f.dataset, .cond_id = 1,
                .subset_id = f.subset, .key = key, .status = "done", .n = 400, .top1 = top1};
            int64_t id;
            enum status st = store_put_cell(mine.store, &cell, &id);
            if (st)
                _exit(st == ERR_STORE && strstr(status_message(), "disk") ? 0 : 8);
            top1[i % 400] = (top1[i % 400] + 1) % 10;
        }
        _exit(7);
    }
    fixture_condition(&f, "clean", "clean", "clean", 0, -1);
    int code;
    waitpid(child, &code, 0);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    assert_true(ask(&f, "SELECT count(*) FROM cell") > 0);
    assert_int_equal(problems(&f, false), 0);
    fixture_cell(&f, 0, 1, 0.9, 5); /* and goes on when there is room again */
    fixture_close(&f);
}

/* In a child without root's rights: the file and its folder may be read only. */
static void read_only_is_said(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 5);
    fixture_fill(&f);
    store_close(f.store);
    f.store = NULL;
    char *folder = mem_copy(f.path);
    *strrchr(folder, '/') = 0;
    chmod(f.path, 0444);
    chmod(folder, 0555);
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        struct store *store = NULL;
        struct board *board = NULL;
        struct leaderboard_options options = {0};
        if (!geteuid() && seteuid(65534))
            _exit(9);
        if (store_open(f.path, STORE_WRITE, &store) != ERR_STORE ||
            !strstr(status_message(), "read-only"))
            _exit(1);
        if (store_open(f.path, STORE_READ, &store) || board_open(store, &options, &board))
            _exit(2);
        _exit(board->sections[0].n_rows == 3 ? 0 : 3);
    }
    int code;
    waitpid(child, &code, 0);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    chmod(folder, 0755);
    free(folder);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_make_the_whole),
        cmocka_unit_test(disagreement_is_kept_and_told),
        cmocka_unit_test(missing_shards_are_named),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(dead_runs_are_ended),
        cmocka_unit_test(pruning_spares_what_is_used),
        cmocka_unit_test(exports_open_anywhere),
        cmocka_unit_test(old_versions_are_migrated),
        cmocka_unit_test(kills_lose_nothing),
        cmocka_unit_test(two_writers_share_a_file),
        cmocka_unit_test(a_full_disk_is_survived),
        cmocka_unit_test(read_only_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
