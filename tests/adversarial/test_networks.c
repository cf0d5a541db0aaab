/*
 * Attacks on the shared networks against tests/golden/attacks.json: the flags of our
 * PyTorch twin of AutoAttack (scripts/make_golden_attacks.py), sample by sample.
 *
 *     test_networks          APGD-CE alone
 *     test_networks slow     AutoAttack
 */
#include "tests/test.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "tests/adversarial/gallery.h"

#include <math.h>
#include <string.h>

static cJSON *golden;

static const char *word(const cJSON *row, int at)
{
    return cJSON_GetArrayItem(row, at)->valuestring;
}

static size_t ones(const char *flags)
{
    size_t count = 0;
    for (; *flags; flags++)
        count += *flags == '1';
    return count;
}

/* Robust samples of ours at one row of the file, and how many rows' flags differ. */
static size_t strike(const struct gallery *gallery, const cJSON *row, const char *name,
                     size_t *differ)
{
    char full[64];
    struct params params;
    struct gallery_run run = {.threads = 2, .params = &params};
    snprintf(full, sizeof full, "%s-%s", name, word(row, 1));
    assert_ok(attack_find(full, &run.attack));
    params_init(&params, run.attack->params);
    assert_ok(params_set(&params, "eps", word(row, 2)));
    run.right = mem_array(gallery->count, sizeof(bool));
    assert_ok(gallery_attack(gallery, &run));
    size_t right = count_true(run.right, gallery->count);
    *differ = 0;
    for (size_t i = 0; i < gallery->count; i++)
        *differ += run.right[i] != (word(row, 5)[i] == '1');
    free(run.right);
    params_clear(&params);
    return right;
}

/* Rows of one stage of the file, for networks whose name has `part`; rows with more than
 * `most` right samples are left out: they take long. */
static void compare(const char *stage, const char *attack, const char *part, size_t most,
                    size_t allowed)
{
    REQUIRE_SHARED(dataset, "data/cifar10-test.tar");
    struct gallery gallery = {0};
    char open[64] = "";
    size_t compared = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(golden, "rows"))
    {
        size_t theirs = ones(word(row, 5)), differ;
        if (strcmp(word(row, 4), stage) || !strstr(word(row, 0), part) || theirs > most)
            continue;
        if (strcmp(open, word(row, 0))) {
            char path[128];
            gallery_close(&gallery);
            snprintf(path, sizeof path, "data/models/cifar10_%s.onnx", word(row, 0));
            REQUIRE_SHARED(model, path);
            size_t count = strlen(word(row, 5));
            assert_ok(gallery_open(model, dataset, 19, count, &gallery));
            assert_int_equal(gallery.count, count);
            snprintf(open, sizeof open, "%s", word(row, 0));
        }
        size_t ours = strike(&gallery, row, attack, &differ);
        print_message("# %s %s %s eps %s: %zu right, PyTorch %zu, flags differ %zu of %zu\n",
                      word(row, 0), attack, word(row, 1), word(row, 2), ours, theirs, differ,
                      gallery.count);
        assert_true(ours <= theirs + allowed && theirs <= ours + allowed);
        compared++;
    }
    assert_true(compared > 0);
    gallery_close(&gallery);
}

/* One run from another random start: a sample or two of difference is chance. */
static void apgd_ce_is_torchs(void **state)
{
    (void)state;
    compare("apgd-ce", "apgd-ce", "resnet2b", 200, 2);
}

/* The ensemble: within 0.4 points of 256 samples, which is one, and none of 128. */
static void autoattack_is_torchs(void **state)
{
    (void)state;
    compare("square", "autoattack", "advtrain", 200, 0);
    compare("square", "autoattack", "_fp32", 200, 1);
}

int main(int count, char **arguments)
{
    struct mapping file;
    if (file_map(source_path("tests/golden/attacks.json"), &file))
        return 1;
    golden = cJSON_ParseWithLength((const char *)file.data, file.size);
    file_unmap(&file);
    const struct CMUnitTest quick[] = {cmocka_unit_test(apgd_ce_is_torchs)};
    const struct CMUnitTest slow[] = {cmocka_unit_test(autoattack_is_torchs)};
    int failed = count > 1 && !strcmp(arguments[1], "slow")
                     ? cmocka_run_group_tests(slow, NULL, NULL)
                     : cmocka_run_group_tests(quick, NULL, NULL);
    cJSON_Delete(golden);
    return failed;
}
