#include "tests/test.h"

#include "harness/condition.h"

#include <string.h>

/* The canonical line of `line`; the condition is checked to survive its own label. */
static const char *canonical(const char *line)
{
    static char label[512];
    struct condition condition, again;
    assert_ok(condition_parse(line, &condition));
    assert_ok(condition_parse(condition.label, &again));
    assert_string_equal(condition.json, again.json);
    assert_string_equal(condition.sha, again.sha);
    assert_string_equal(condition.label, again.label);
    assert_string_equal(condition.noise, again.noise);
    snprintf(label, sizeof label, "%s", condition.label);
    condition_clear(&condition);
    condition_clear(&again);
    return label;
}

static void labels_are_canonical(void **state)
{
    (void)state;
    assert_string_equal(canonical("clean"), "clean");
    assert_string_equal(canonical("  decode=stb "), "decode=stb");
    assert_string_equal(canonical("resize=pillow-bicubic decode=stb"),
                        "decode=stb resize=pillow-bicubic");
    assert_string_equal(canonical("gaussian_noise:3"), "gaussian_noise:3");
    assert_string_equal(canonical("decode=stb gaussian_noise:3 store=jpeg85"),
                        "decode=stb + gaussian_noise:3 store=jpeg85");
    assert_string_equal(canonical("color=bgr"), "colour=bgr");
    assert_string_equal(canonical("precision=bf16"), "precision=bf16");
    assert_string_equal(
        canonical("decode=turbo + jpeg_compression:2 + pgd-linf eps=2/255"),
        "decode=turbo + jpeg_compression:2 + pgd-linf eps=2/255");
    assert_string_equal(canonical("gaussian_noise:3 set=cifar"),
                        "gaussian_noise:3 set=cifar");
    assert_string_equal(
        canonical("pool=ceil fold=off size=trunc normalize=table8 crop=half-up orient=exif"),
        "orient=exif size=trunc crop=half-up + normalise=table8 pool=ceil fold=off");
    assert_string_equal(canonical("tilt-p:1 decode=stb store=jpeg85"),
                        "decode=stb + tilt-p store=jpeg85");
    assert_string_equal(canonical("gaussian_noise-p:3 set=cifar"),
                        "gaussian_noise-p:3 set=cifar");
    assert_string_equal(canonical("contrast:1 brightness:2"),
                        "contrast:1 + brightness:2");
}

static void every_member_has_a_line(void **state)
{
    char line[256];
    (void)state;
    for (size_t i = 0; decoder_registry[i]; i++) {
        snprintf(line, sizeof line, "decode=%s", decoder_registry[i]->name);
        assert_string_equal(canonical(line), line);
    }
    for (size_t i = 0; resizer_registry[i]; i++) {
        snprintf(line, sizeof line, "resize=%s", resizer_registry[i]->name);
        assert_string_equal(canonical(line), line);
    }
    for (size_t i = 0; colour_registry[i]; i++) {
        snprintf(line, sizeof line, "colour=%s", colour_registry[i]->name);
        assert_string_equal(canonical(line), line);
    }
    for (size_t i = 0; natural_registry[i]; i++) {
        bool scaled = natural_registry[i]->severities > 1;
        snprintf(line, sizeof line, "%s%s", natural_registry[i]->name,
                 scaled ? ":2" : "");
        assert_string_equal(canonical(line), line);
    }
    for (size_t i = 0; perturbation_registry[i]; i++) {
        snprintf(line, sizeof line, "%s-p:2", perturbation_registry[i]->name);
        assert_string_equal(canonical(line), line);
    }
    for (size_t i = 0; attack_registry[i]; i++)
        assert_non_null(
            strstr(canonical(attack_registry[i]->name), attack_registry[i]->name));
}

/* Two spellings of one thing are one condition; what differs in the bytes differs here. */
static void identity_is_what_happens(void **state)
{
    (void)state;
    struct condition a, b, c, d;
    assert_ok(condition_parse("pgd-linf eps=8/255", &a));
    assert_ok(condition_parse("pgd-linf", &b));
    assert_ok(condition_parse("pgd-linf eps=0.03137254901960784", &c));
    assert_ok(condition_parse("pgd-linf eps=4/255", &d));
    assert_string_equal(a.sha, b.sha); /* 8/255 is the default */
    assert_string_equal(a.sha, c.sha);
    assert_string_not_equal(a.sha, d.sha);
    assert_non_null(strstr(a.json, "\"steps\":")); /* defaults are in */
    assert_non_null(strstr(a.json, "\"impl\":"));  /* and implementation numbers */
    condition_clear(&a);
    condition_clear(&b);
    condition_clear(&c);
    condition_clear(&d);
}

static void columns_tell_the_family(void **state)
{
    static const struct {
        const char *line, *kind, *noise;
        int severity;
    } cases[] = {
        {"clean", "clean", "clean", 0},
        {"decode=stb", "system", "decode", 0},
        {"decode=stb resize=pillow-bicubic", "system", "decode+resize", 0},
        {"fold=off", "system", "fold", 0},
        {"gaussian_noise:4", "natural", "gaussian_noise", 4},
        {"decode=stb gaussian_noise:4", "natural", "gaussian_noise", 4},
        {"contrast:1 brightness:2", "natural", "contrast+brightness", 0},
        {"gaussian_noise:4 pgd-l2 eps=0.5", "adversarial", "pgd-l2", 4},
        {"decode=stb tilt-p:2", "sequence", "tilt-p", 2},
        {"gaussian_noise-p", "sequence", "gaussian_noise-p", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct condition condition;
        assert_ok(condition_parse(cases[i].line, &condition));
        assert_string_equal(condition.kind, cases[i].kind);
        assert_string_equal(condition.noise, cases[i].noise);
        assert_int_equal(condition.severity, cases[i].severity);
        condition_clear(&condition);
    }
    struct condition condition;
    assert_ok(condition_parse("pgd-linf eps=2/255", &condition));
    assert_string_equal(condition.norm, "Linf");
    assert_true(condition.eps == 2.0 / 255);
    condition_clear(&condition);
}

static void check_error(const char *line, const char *message)
{
    struct condition condition;
    assert_int_equal(condition_parse(line, &condition), ERR_USAGE);
    if (!strstr(status_message(), message))
        fail_msg("'%s' gave\n%s\nwithout\n%s", line, status_message(), message);
}

static void mistakes_are_pointed_at(void **state)
{
    (void)state;
    check_error("decode=stb + gausian_noise:3",
                "no noise 'gausian_noise': did you mean 'gaussian_noise'?\n"
                "    decode=stb + gausian_noise:3\n"
                "                 ^^^^^^^^^^^^^^^");
    check_error("decod=stb", "did you mean 'decode'?\n    decod=stb\n    ^^^^^^^^^");
    check_error("stb", "'stb' is a decoder: write decode=stb");
    check_error("gaussian_noise", "gaussian_noise needs a severity: gaussian_noise:1 to");
    check_error("gaussian_noise:6", "severities are 1 to 5");
    check_error("gaussian_noise:x", "severities are 1 to 5");
    check_error("gaussian_noise:", "severities are 1 to 5");
    check_error("decode=stb decode=turbo", "decode= is given twice");
    check_error("pgd-linf steps=3 eps=1/255 steps=4", "steps= is given twice");
    check_error("frost:2 set=224 + pgd", "no noise 'pgd': did you mean 'pgd-linf'?");
    check_error("clean decode=stb", "'clean' stands alone");
    check_error("", "an empty condition");
    check_error(" + ", "an empty condition");
    check_error("store=jpeg0", "quality from 1 to 100");
    check_error("store=png", "quality from 1 to 100");
    check_error("pgd-linf:3", "pgd-linf has no severities");
    check_error("pgd-linf gaussian_noise:3", "nothing comes after the attack");
    check_error("pgd-linf epz=3", "did you mean 'eps'?");
    check_error("pgd-linf eps=x", "not a number");
    check_error("precision=fp8", "choose one of: fp32, fp16");
    check_error("gaussian_noise:3 set=33", "choose one of");
    check_error("zzzzzzzzzzzzzzzzzzz", "see: gauntlet list noises");
    check_error("tlt-p", "did you mean 'tilt-p'?");
    check_error("tilt-p:4", "difficulties are 1 to 3");
    check_error("tilt-p:1x", "difficulties are 1 to 3");
    check_error("tilt-p fog:1", "without another noise");
    check_error("fog:1 tilt-p", "without another noise");
    check_error("tilt-p rotate-p", "without another noise");
    check_error("tilt-p pgd-linf", "takes a picture, not the sequence tilt-p");
    check_error("tilt-p set=33", "choose one of");
}

static size_t expanded(const char *line)
{
    struct conditions conditions = {0};
    assert_ok(conditions_add(&conditions, line));
    size_t count = conditions.count;
    conditions_clear(&conditions);
    return count;
}

static void lines_expand(void **state)
{
    (void)state;
    assert_int_equal(expanded("clean"), 1);
    assert_int_equal(expanded("gaussian_noise:1-5"), 5);
    assert_int_equal(expanded("gaussian_noise:[1,3,5]"), 3);
    assert_int_equal(
        expanded("decode=[turbo,stb] resize=[pillow-bilinear,opencv-bilinear]"), 4);
    assert_int_equal(expanded("decode=[turbo, stb]"), 2);
    assert_int_equal(expanded("imagenet-c:1-5"), 75);
    assert_int_equal(expanded("imagenet-c-extra:3"), 4);
    assert_int_equal(expanded("imagenet-c-bar:1-5"), 50);
    assert_int_equal(expanded("imagenet-p:1-3"), 30);
    assert_int_equal(expanded("imagenet-p-extra"), 4);
    assert_int_equal(expanded("[contrast,brightness]:1-2 + pgd-linf eps=[1/255,2/255]"),
                     8);
    size_t decoders = 0;
    while (decoder_registry[decoders])
        decoders++;
    assert_int_equal(expanded("decode=*"), decoders);

    struct conditions conditions = {0};
    assert_ok(conditions_add(&conditions, "gaussian_noise:2-3"));
    assert_ok(conditions_add(&conditions, "gaussian_noise:3-4")); /* 3 is there already */
    assert_int_equal(conditions.count, 3);
    assert_string_equal(conditions.items[2].label, "gaussian_noise:4");
    assert_int_equal(conditions_add(&conditions, "gaussian_noise:5-2"), ERR_USAGE);
    assert_int_equal(conditions_add(&conditions, "decode=[turbo"), ERR_USAGE);
    assert_int_equal(conditions_add(&conditions, "store=*"), ERR_USAGE);
    conditions_clear(&conditions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_canonical),
        cmocka_unit_test(every_member_has_a_line),
        cmocka_unit_test(identity_is_what_happens),
        cmocka_unit_test(columns_tell_the_family),
        cmocka_unit_test(mistakes_are_pointed_at),
        cmocka_unit_test(lines_expand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
