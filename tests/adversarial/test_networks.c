/*
 * Attacks on the shared networks against tests/golden/attacks.json: what our PyTorch twin
 * of AutoAttack and of each member alone (scripts/make_golden_attacks.py) leaves right. The
 * robust accuracies of a member lie within 0.4 points of each other: of 256 samples one, and
 * of 128, where one is more, one. Where our first seed's is not within that of the range of
 * the reference's seeds, our range over as many seeds is compared with it. AutoAttack may
 * leave 0.4 points more than the reference's one run, and as few as no member of the
 * reference broke from any of its starts, less 0.4: of 128 samples none may be otherwise.
 *
 *     test_networks              APGD-CE alone on the smallest network
 *     test_networks slow         all of the file: hours
 *     test_networks slow WORD... those whose network begins with a WORD, or whose norm,
 *                                radius or attack is one; of every kind that is named
 *
 * as in `test_networks slow resnet20 linf`, `test_networks slow resnet2b autoattack`.
 */
#include "tests/test.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "tests/adversarial/gallery.h"

#include <string.h>
#include <time.h>

static const char *const members[] = {"apgd-ce", "apgd-t", "fab-t", "square"};
enum { MEMBERS = sizeof members / sizeof *members };

/* One row of the file. Rows that differ in their seed alone are one case. */
struct row {
    const char *model, *norm, *eps, *attack, *flags;
};

static struct row *rows;
static size_t n_rows;
static const char *words[16]; /* the filter; NULL ends */

static int by_case(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = strcmp(left->model, right->model);
    if (!order)
        order = strcmp(left->norm, right->norm);
    if (!order)
        order = strcmp(left->attack, right->attack);
    return order ? order : strcmp(left->eps, right->eps);
}

/* AutoAttack's rows are those of its last stage, with all before it. Those of apgd-ce* are
 * apgd-ce's, too: the reference's cross-entropy saturates in float where a network is sure
 * of itself, and then holds a sample or two more; ours does not. */
static void read_rows(const cJSON *file)
{
    const cJSON *line;
    rows = mem_array((size_t)cJSON_GetArraySize(file) + 1, sizeof *rows);
    cJSON_ArrayForEach(line, file)
    {
        const char *word[6];
        for (int i = 0; i < 6; i++)
            word[i] = cJSON_GetArrayItem(line, i)->valuestring;
        if (!strcmp(word[4], "square"))
            rows[n_rows++] = (struct row){word[0], word[1], word[2], "autoattack", word[5]};
        else if (!strcmp(word[4], "alone apgd-ce*"))
            rows[n_rows++] = (struct row){word[0], word[1], word[2], "apgd-ce", word[5]};
        else if (!strncmp(word[4], "alone ", 6))
            rows[n_rows++] = (struct row){word[0], word[1], word[2], word[4] + 6, word[5]};
    }
    qsort(rows, n_rows, sizeof *rows, by_case);
}

static bool is_attack(const char *word)
{
    bool found = !strcmp(word, "autoattack");
    for (size_t i = 0; i < MEMBERS; i++)
        found = found || !strcmp(word, members[i]);
    return found;
}

/* 0: a network's, 1: a norm, 2: a radius, 3: an attack. */
static int kind_of(const char *word)
{
    return !strcmp(word, "linf") || !strcmp(word, "l2") ? 1
           : word[0] >= '0' && word[0] <= '9'           ? 2
           : is_attack(word)                            ? 3
                                                        : 0;
}

static bool wanted(const struct row *row)
{
    const char *own[] = {row->model, row->norm, row->eps, row->attack};
    bool asked[4] = {false}, met[4] = {false};
    for (const char **word = words; *word; word++) {
        int kind = kind_of(*word);
        asked[kind] = true;
        met[kind] |= kind ? !strcmp(own[kind], *word)
                          : !strncmp(own[kind], *word, strlen(*word));
    }
    for (int kind = 0; kind < 4; kind++)
        if (asked[kind] && !met[kind])
            return false;
    return true;
}

static size_t ones(const char *flags)
{
    size_t count = 0;
    for (; *flags; flags++)
        count += *flags == '1';
    return count;
}

/* --- ours ---------------------------------------------------------------------------- */

static struct gallery gallery;
static char open_model[64];
static struct attack_result *results; /* of fab-t, for all radii */
static char known[128];               /* whose these are */

static void open_gallery(const struct row *row, const char *dataset)
{
    char path[128];
    if (!strcmp(open_model, row->model))
        return;
    gallery_close(&gallery);
    snprintf(path, sizeof path, "data/models/cifar10_%s.onnx", row->model);
    REQUIRE_SHARED(model, path);
    assert_ok(gallery_open(model, dataset, 19, strlen(row->flags), &gallery));
    assert_int_equal(gallery.count, strlen(row->flags));
    free(results);
    results = mem_array(gallery.count, sizeof *results);
    snprintf(open_model, sizeof open_model, "%s", row->model);
}

static void strike(const struct row *row, uint64_t seed, bool *right)
{
    char name[64];
    struct params params;
    struct gallery_run run = {
        .threads = 2, .seed = seed, .params = &params, .right = right};
    snprintf(name, sizeof name, "%s-%s", row->attack, row->norm);
    assert_ok(attack_find(name, &run.attack));
    params_init(&params, run.attack->params);
    assert_ok(params_set(&params, "eps", row->eps));
    run.results = run.attack->minimum_norm ? results : NULL;
    assert_ok(gallery_attack(&gallery, &run));
    params_clear(&params);
}

/* A search for the smallest distance is made once for all radii. */
static void strike_or_recall(const struct row *row, uint64_t seed, bool *right)
{
    char key[128];
    snprintf(key, sizeof key, "%s %s %s", row->model, row->norm, row->attack);
    if (strcmp(row->attack, "fab-t") || strcmp(key, known)) {
        strike(row, seed, right);
        if (!strcmp(row->attack, "fab-t"))
            snprintf(known, sizeof known, "%s", key);
        return;
    }
    double eps;
    assert_true(text_parse_number(row->eps, &eps));
    for (size_t i = 0; i < gallery.count; i++)
        right[i] = !(results[i].distance <= eps * (1 + 1e-6));
}

/* --- and theirs ------------------------------------------------------------------------ */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct range {
    size_t least, most;
};

static void widen(struct range *range, size_t count)
{
    range->least = count < range->least ? count : range->least;
    range->most = count > range->most ? count : range->most;
}

static size_t differing(const bool *right, const char *flags)
{
    size_t count = 0;
    for (size_t i = 0; i < gallery.count; i++)
        count += right[i] != (flags[i] == '1');
    return count;
}

/* Samples of this network that no row of the file breaks within this radius. */
static size_t unbroken(const struct row *of)
{
    size_t count = 0;
    for (size_t i = 0; of->flags[i]; i++) {
        bool holds = true;
        for (const struct row *row = rows; row < rows + n_rows; row++)
            holds = holds && (strcmp(row->model, of->model) || strcmp(row->norm, of->norm) ||
                              strcmp(row->eps, of->eps) || row->flags[i] == '1');
        count += holds;
    }
    return count;
}

/* One case: `seeds` rows. Prints a line; true when ours lies where it should. */
static bool compare(const struct row *row, size_t seeds)
{
    bool alone = strcmp(row->attack, "autoattack") != 0, good = false;
    bool *right = mem_array(gallery.count, sizeof *right);
    struct range ours = {SIZE_MAX, 0}, theirs = ours;
    size_t slack = gallery.count * 4 / 1000, nearest = SIZE_MAX;
    slack += alone && !slack;
    for (size_t k = 0; k < seeds; k++)
        widen(&theirs, ones(row[k].flags));
    if (!alone)
        widen(&theirs, unbroken(row));
    double before = cpu_seconds();
    for (size_t seed = 0; seed < seeds && !good; seed++) {
        strike_or_recall(row, seed, right);
        widen(&ours, count_true(right, gallery.count));
        for (size_t k = 0; k < seeds; k++) {
            size_t differ = differing(right, row[k].flags);
            nearest = differ < nearest ? differ : nearest;
        }
        good = ours.most + slack >= theirs.least && ours.least <= theirs.most + slack;
    }
    print_message("# %s %s %s %s: ours %zu", row->model, row->norm, row->eps, row->attack,
                  ours.least);
    if (ours.most > ours.least)
        print_message(" to %zu", ours.most);
    print_message(", PyTorch %zu to %zu of %zu in %zu run%s, flags differ %zu, CPU %.1f s%s\n",
                  theirs.least, theirs.most, gallery.count, seeds, seeds > 1 ? "s" : "", nearest,
                  cpu_seconds() - before, good ? "" : ": FAILED");
    free(right);
    return good;
}

/* Members of an ensemble that is in the file, without a row of their own. */
static void print_missing(void)
{
    struct text text = {0};
    for (size_t i = 0; i < n_rows; i++) {
        if (strcmp(rows[i].attack, "autoattack"))
            continue;
        for (size_t k = 0; k < MEMBERS; k++) {
            struct row alone = rows[i];
            alone.attack = members[k];
            if (wanted(&alone) && !bsearch(&alone, rows, n_rows, sizeof *rows, by_case))
                text_addf(&text, "%s %s %s %s %s", text.data ? "," : "", alone.model,
                          alone.norm, alone.eps, alone.attack);
        }
    }
    if (text.data)
        print_message("# no rows of the reference:%s\n", text.data);
    text_clear(&text);
}

static void ours_are_torchs(void **state)
{
    (void)state;
    REQUIRE_SHARED(dataset, "data/cifar10-test.tar");
    size_t met = 0, failed = 0;
    for (size_t i = 0, next; i < n_rows; i = next) {
        for (next = i + 1; next < n_rows && !by_case(&rows[i], &rows[next]);)
            next++;
        if (!wanted(&rows[i]))
            continue;
        open_gallery(&rows[i], dataset);
        met++;
        failed += !compare(&rows[i], next - i);
    }
    print_missing();
    gallery_close(&gallery);
    free(results);
    assert_true(met > 0);
    assert_int_equal(failed, 0);
}

int main(int count, char **arguments)
{
    bool slow = count > 1 && !strcmp(arguments[1], "slow");
    struct mapping file;
    if (file_map(source_path("tests/golden/attacks.json"), &file))
        return 1;
    cJSON *golden = cJSON_ParseWithLength((const char *)file.data, file.size);
    file_unmap(&file);
    read_rows(cJSON_GetObjectItem(golden, "rows"));
    words[0] = slow ? NULL : "resnet2b";
    words[1] = slow ? NULL : "apgd-ce";
    for (int i = 2; slow && i < count && i < 16; i++)
        words[i - 2] = arguments[i];
    const struct CMUnitTest tests[] = {cmocka_unit_test(ours_are_torchs)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(rows);
    cJSON_Delete(golden);
    return failed;
}
