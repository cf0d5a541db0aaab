/* Nights, merging, pruning and publishing by the whole program, on eight tiny pictures. */
#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"
#include "harness/command.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static bool says(const char *name, const char *words)
{
    struct mapping file;
    char *path = mem_format("%s/%s", tiny_folder, name);
    assert_ok(file_map(path, &file));
    bool found = memmem(file.data, file.size, words, strlen(words)) != NULL;
    file_unmap(&file);
    free(path);
    return found;
}

/* What stands between `before` and the next quotation mark; the caller frees. */
static char *quoted(const char *name, const char *before)
{
    struct mapping file;
    char *path = mem_format("%s/%s", tiny_folder, name);
    assert_ok(file_map(path, &file));
    const char *from = memmem(file.data, file.size, before, strlen(before));
    assert_non_null(from);
    from += strlen(before);
    char *found = mem_format("%.*s", (int)strcspn(from, "\""), from);
    file_unmap(&file);
    free(path);
    return found;
}

#define SUITE                                                                              \
    "name: tonight\nmodels:\n  - file: tiny.onnx\ndatasets:\n  - path: data\n"                 \
    "noises:\n  - colour=bgr\n  - gaussian_noise:[1,5]\n"

static void a_night_and_the_next(void **state)
{
    (void)state;
    tiny_write("suite.yaml", SUITE "gates:\n  - acc(tiny) >= 0.99\n");
    assert_int_equal(tiny_run("nightly suite.yaml --quiet --report 1.md --pin first"),
                     EXIT_DONE);
    assert_true(says("1.md", "4 new; 1 of 1 gates hold"));
    assert_int_equal(tiny_run("nightly suite.yaml --quiet --report 2.md --junit 2.xml"
                                      " --html 2.html --baseline first"), EXIT_DONE);
    assert_true(says("2.md", "4 identical"));
    assert_true(says("2.md", "4 of 4 canaries the same"));
    assert_true(says("2.xml", "failures=\"0\""));
    assert_true(says("2.html", "</html>"));
    assert_true(says("2.html", "4 identical; 1 of 1 gates hold; 4 of 4 canaries the same</h2>"));
    assert_true(says("2.html", "4 cells done in "));
}

static void a_gate_that_fails(void **state)
{
    (void)state;
    tiny_write("strict.yaml", SUITE "gates:\n  - acc(tiny, colour=bgr) >= 0.9\n");
    assert_int_equal(tiny_run("nightly strict.yaml --quiet --report 3.md"),
                     EXIT_REGRESSION);
    assert_true(says("3.md", "0 of 1 gates hold"));
    assert_string_equal(tiny_ask("results.db", "SELECT status || exit_code FROM run"
                                 " ORDER BY run_id DESC LIMIT 1"), "done3");
    tiny_write("wrong.yaml", SUITE "gates:\n  - acc(nobody) >= 0.9\n");
    assert_int_equal(tiny_run("nightly wrong.yaml --quiet"), EXIT_USAGE);
    assert_int_equal(tiny_run("nightly suite.yaml --quiet --baseline nobody"),
                     EXIT_USAGE);
}

/* The page's command for a number leads to the very cell that it stands on. */
static void numbers_name_their_command(void **state)
{
    (void)state;
    char *model = quoted("2.html", "{\"models\":[\n\"");
    char *data = quoted("2.html", "\"data\":[\n\"");
    char *clean = quoted("2.html", "\"noises\":[\n\"");
    assert_string_equal(clean, " --noise clean");
    assert_int_equal(tiny_run("run%s%s --noise colour=bgr --dry-run", model, data),
                     EXIT_DONE);
    assert_non_null(strstr(tiny_output(), "2 cells: 0 to do, 2 done"));
    free(model);
    free(data);
    free(clean);
    /* overrides belong to the command, too */
    assert_int_equal(tiny_run("run --model tiny.onnx --dataset data --set 'mean=0.1 0 0'"
                              " --set order=bgr --limit 4 --seed 3 --noise gaussian_noise:1"
                              " --db other.db --quiet"), EXIT_DONE);
    assert_int_equal(tiny_run("leaderboard --db other.db --format html --output 3.html"),
                     EXIT_DONE);
    model = quoted("3.html", "{\"models\":[\n\"");
    data = quoted("3.html", "\"data\":[\n\"");
    assert_int_equal(tiny_run("run%s%s --noise gaussian_noise:1 --db other.db --dry-run",
                              model, data), EXIT_DONE);
    assert_non_null(strstr(tiny_output(), "2 cells: 0 to do, 2 done"));
    free(model);
    free(data);
}

static void the_lock_is_held(void **state)
{
    (void)state;
    char *path = mem_format("%s/results.db.nightly-lock", tiny_folder);
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(tiny_run("nightly suite.yaml --quiet"), EXIT_LOCKED);
    close(fd);
    assert_int_equal(tiny_run("nightly suite.yaml --quiet"), EXIT_DONE);
    free(path);
}

static void databases_are_moved_about(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("export published.db"), EXIT_DONE);
    assert_int_equal(tiny_run("merge --db both.db results.db published.db"),
                     EXIT_DONE);
    assert_int_equal(tiny_run("leaderboard --db both.db --format csv --output a.csv"),
                     EXIT_DONE);
    assert_int_equal(tiny_run("leaderboard --format csv --output b.csv"), EXIT_DONE);
    char *compare = mem_format("cmp %s/a.csv %s/b.csv", tiny_folder, tiny_folder);
    assert_int_equal(system(compare), 0);
    free(compare);
    assert_int_equal(tiny_run("leaderboard --format robustbench --output tree"),
                     EXIT_DONE);
    assert_int_equal(tiny_run("prune --keep 1"), EXIT_DONE);
    assert_int_equal(tiny_run("doctor --db results.db"), EXIT_DONE);
    assert_int_equal(tiny_run("merge --db both.db nothing.db"), EXIT_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_night_and_the_next),
        cmocka_unit_test(numbers_name_their_command),
        cmocka_unit_test(a_gate_that_fails),
        cmocka_unit_test(the_lock_is_held),
        cmocka_unit_test(databases_are_moved_about),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
