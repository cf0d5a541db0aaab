/*
 * What every natural noise must do, whoever wrote it; and the golden hash of each noise,
 * severity and set of constants (tests/golden/natural.tsv).
 *
 *     test_natural --write     prints that file anew: when `impl` of a noise was raised
 */
#include "tests/test.h"

#include "tests/natural/cases.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

static void run(const struct natural *natural, const struct natural_args *args,
                uint64_t seed, const char *sample, struct image *image)
{
    struct rng rng;
    rng_open(&rng, seed, sample, natural->name, (uint64_t)args->severity);
    assert_ok(natural_apply(natural, image, args, &rng));
}

static struct image corrupted(const struct natural *natural,
                              const struct natural_args *args, uint64_t seed,
                              const struct image *picture)
{
    struct image image;
    assert_ok(image_copy(picture, &image));
    run(natural, args, seed, "sample", &image);
    return image;
}

static bool same(const struct image *a, const struct image *b)
{
    return a->width == b->width && a->height == b->height && a->channels == b->channels &&
           !memcmp(a->data, b->data, image_size(a));
}

static void members_are_complete(void **state)
{
    (void)state;
    static const char *const groups[] = {"noise", "blur", "weather", "digital", "extra"};
    int anchors = 0;
    for (size_t i = 0; natural_registry[i]; i++) {
        const struct natural *natural = natural_registry[i];
        assert_non_null(natural->summary);
        assert_non_null(natural->source);
        assert_true(natural->severities == 5 || natural->severities == 1);
        assert_true(natural->impl >= 1);
        bool known = false;
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
            known |= !strcmp(natural->group, groups[g]);
        assert_true(known);
        anchors += natural->in_mce;
        const struct natural *found;
        assert_ok(natural_find(natural->name, &found));
        assert_ptr_equal(found, natural);
    }
    assert_true(anchors <= 15);
    const struct natural *found;
    assert_int_equal(natural_find("gausian_noise", &found), ERR_USAGE);
    assert_non_null(strstr(status_message(), "gaussian_noise"));
}

/* Repeats by seed, keeps shape, differs from the picture; random ones differ by seed. */
static void members_keep_the_rules(void **state)
{
    (void)state;
    struct image picture = picture_synthetic(64, 48, 1);
    for (size_t i = 0; natural_registry[i]; i++) {
        const struct natural *natural = natural_registry[i];
        struct params params;
        params_init(&params, natural->params);
        for (int severity = 1; severity <= natural->severities; severity++) {
            struct natural_args args = {severity, NATURAL_64, &params};
            struct image a = corrupted(natural, &args, 1, &picture);
            struct image b = corrupted(natural, &args, 1, &picture);
            struct image c = corrupted(natural, &args, 2, &picture);
            if (!same(&a, &b))
                fail_msg("%s:%d does not repeat", natural->name, severity);
            if (same(&a, &picture))
                fail_msg("%s:%d changes nothing", natural->name, severity);
            assert_int_equal(a.width, 64);
            assert_int_equal(a.height, 48);
            if (natural_is_random(natural) == same(&a, &c))
                fail_msg("%s:%d: two seeds give %s", natural->name, severity,
                         same(&a, &c) ? "the same" : "two pictures, and nothing is drawn");
            image_clear(&a);
            image_clear(&b);
            image_clear(&c);
        }
        params_clear(&params);
    }
    image_clear(&picture);
}

/* A sensor that counts light: the mean light of a flat picture stays, that of its values
 * falls below it, as the curve is hollow. */
static void light_is_counted(void **state)
{
    (void)state;
    const struct natural *natural;
    struct params params;
    struct image image;
    assert_ok(natural_find("iso_noise", &natural));
    params_init(&params, natural->params);
    assert_ok(params_set(&params, "space", "linear"));
    assert_ok(image_init(&image, 200, 200, 3));
    memset(image.data, 188, image_size(&image)); /* half the light */
    struct natural_args args = {1, NATURAL_224, &params};
    run(natural, &args, 1, "flat", &image);
    double light = 0, value = 0;
    for (size_t i = 0; i < image_size(&image); i++) {
        double v = (image.data[i] + 0.5) / 255;
        light += v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
        value += v;
    }
    light /= (double)image_size(&image);
    value /= (double)image_size(&image);
    assert_true(fabs(light - 0.5) < 0.01);
    assert_true(value < 0.73); /* 188 / 255 = 0.737 */
    params_clear(&params);
    image_clear(&image);
}

/* Odd, tiny and long pictures of one colour and of many: no crash, same shape. The
 * sanitizer build looks for reads and writes outside. */
static void any_size_is_welcome(void **state)
{
    (void)state;
    const int sizes[][2] = {{1, 1}, {1, 40},  {2, 2},   {3, 1},   {5, 4},
                            {8, 8}, {31, 33}, {65, 17}, {120, 9}, {33, 130}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct image picture = picture_synthetic(sizes[s][0], sizes[s][1], s);
        if (s % 3 == 0)
            memset(picture.data, s % 2 ? 255 : 0, image_size(&picture));
        for (size_t i = 0; natural_registry[i]; i++) {
            const struct natural *natural = natural_registry[i];
            struct params params;
            params_init(&params, natural->params);
            for (int set = 0; set < NATURAL_SETS; set++)
                for (int severity = 1; severity <= natural->severities; severity += 2) {
                    struct natural_args args = {severity, (enum natural_set)set, &params};
                    struct image out = corrupted(natural, &args, 1, &picture);
                    assert_int_equal(out.width, picture.width);
                    assert_int_equal(out.height, picture.height);
                    image_clear(&out);
                }
            params_clear(&params);
        }
        image_clear(&picture);
    }
}

struct job {
    const struct image *picture;
    struct image *out;
};

static enum status job_run(void *context, size_t item, int worker)
{
    (void)worker;
    struct job *job = context;
    size_t i = item % 64;
    const struct natural *natural = natural_registry[item / 64];
    char sample[32];
    snprintf(sample, sizeof sample, "sample %zu", i);
    struct params params;
    params_init(&params, natural->params);
    struct natural_args args = {(int)i % natural->severities + 1, NATURAL_CIFAR, &params};
    enum status st = image_copy(job->picture, &job->out[item]);
    if (!st)
        run(natural, &args, 5, sample, &job->out[item]);
    params_clear(&params);
    return st;
}

/* 64 samples of every noise on one thread and on eight: the same bytes. */
static void threads_do_not_matter(void **state)
{
    (void)state;
    size_t count = 0;
    while (natural_registry[count])
        count++;
    count *= 64;
    struct image picture = picture_synthetic(32, 32, 3);
    struct job one = {&picture, calloc(count, sizeof(struct image))};
    struct job many = {&picture, calloc(count, sizeof(struct image))};
    assert_ok(threads_each(8, count, job_run, &many));
    assert_ok(threads_each(1, count, job_run, &one));
    for (size_t i = 0; i < count; i++) {
        if (!same(&one.out[i], &many.out[i]))
            fail_msg("%s: sample %zu differs", natural_registry[i / 64]->name, i % 64);
        image_clear(&one.out[i]);
        image_clear(&many.out[i]);
    }
    free(one.out);
    free(many.out);
    image_clear(&picture);
}

/* name, set, and one hash a severity: 16 digits of SHA-256 over the pixels. */
static void golden_line(const struct natural *natural, enum natural_set set,
                        struct text *text)
{
    static const int sides[NATURAL_SETS] = {224, 32, 64, 299};
    struct image picture = picture_synthetic(sides[set], sides[set], 9);
    struct params params;
    params_init(&params, natural->params);
    text_addf(text, "%s\t%s", natural->name, natural_set_name(set));
    for (int severity = 1; severity <= natural->severities; severity++) {
        struct natural_args args = {severity, set, &params};
        struct image out = corrupted(natural, &args, 1, &picture);
        char hex[HASH_HEX];
        hash_bytes(out.data, image_size(&out), hex);
        text_addf(text, "\t%.16s", hex);
        image_clear(&out);
    }
    text_add(text, "\n");
    params_clear(&params);
    image_clear(&picture);
}

/* Past the lines of noises that this build lacks: those of optional libraries. */
static const char *skip_absent(const char *at, const char *end)
{
    while (at < end) {
        char name[64];
        const struct natural *found;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\t"), at);
        if (!natural_find(name, &found) || strcmp(name, "avif"))
            break;
        const char *line = memchr(at, '\n', (size_t)(end - at));
        at = line ? line + 1 : end;
    }
    return at;
}

static void golden_hashes(void **state)
{
    (void)state;
    struct mapping golden;
    assert_ok(file_map(source_path("tests/golden/natural.tsv"), &golden));
    const char *at = (const char *)golden.data, *end = at + golden.size;
    for (size_t i = 0; natural_registry[i]; i++)
        for (int set = 0; set < NATURAL_SETS; set++) {
            struct text line = {0};
            golden_line(natural_registry[i], (enum natural_set)set, &line);
            at = skip_absent(at, end);
            if ((size_t)(end - at) < line.size || memcmp(at, line.data, line.size))
                fail_msg("not as in tests/golden/natural.tsv: %s", line.data);
            at += line.size;
            text_clear(&line);
        }
    assert_ptr_equal(skip_absent(at, end), end);
    file_unmap(&golden);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--write")) {
        struct text text = {0};
        for (size_t i = 0; natural_registry[i]; i++)
            for (int set = 0; set < NATURAL_SETS; set++)
                golden_line(natural_registry[i], (enum natural_set)set, &text);
        fputs(text.data, stdout);
        text_clear(&text);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_complete), cmocka_unit_test(members_keep_the_rules),
        cmocka_unit_test(any_size_is_welcome),  cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(golden_hashes),        cmocka_unit_test(light_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
