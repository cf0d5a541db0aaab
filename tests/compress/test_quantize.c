/* The command: what it writes, runs again after a kill, and refuses. */
#include "tests/harness/tiny.h"

#include "models/onnx/onnx.h"
#include "models/train/architecture.h"

#include <stdio.h>
#include <string.h>

/* resnet8 for the pictures' four classes, with random weights. */
static void make_network(void)
{
    const struct architecture *architecture;
    struct graph graph;
    char path[96];
    assert_ok(architecture_find("resnet8", &architecture));
    assert_ok(architecture_build(architecture, 16, 4, 1, &graph));
    snprintf(path, sizeof path, "%s/net.onnx", tiny_folder);
    assert_ok(onnx_write(&graph, path));
    graph_clear(&graph);
}

static const char *metadata(const char *name, const char *key)
{
    static char value[256];
    struct graph graph;
    char path[96];
    snprintf(path, sizeof path, "%s/%s", tiny_folder, name);
    assert_ok(onnx_read(path, &graph));
    value[0] = 0;
    for (int i = 0; i < graph.n_metadata; i++)
        if (!strcmp(graph.metadata[i][0], key))
            snprintf(value, sizeof value, "%s", graph.metadata[i][1]);
    graph_clear(&graph);
    return value;
}

/* From pictures in class folders to a row of differences to the twin. */
static void products_run_beside_their_twins(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("quantize net.onnx --calib data --output int8.onnx "
                                      "--sensitivity"),
                     0);
    assert_non_null(strstr(tiny_output(), "SENSITIVITY"));
    assert_non_null(strstr(tiny_output(), "8.00 bits a weight"));
    assert_int_equal(tiny_run("run --quiet --model net.onnx --model int8.onnx "
                                      "--dataset data --noise gaussian_noise:1"),
                     0);
    assert_int_equal(tiny_run("leaderboard --twins"), 0);
    assert_non_null(strstr(tiny_output(), "int8/w8a8-rtn"));
}

/* The same codes in 4-bit types: another file, the same predictions. */
static void int4_predicts_the_same(void **state)
{
    (void)state;
#define LINE                                                                             \
    "quantize net.onnx --calib data --weights 3 --acts 4 --quiet --method cle+bias "
    assert_int_equal(tiny_run(LINE "--output bytes.onnx"), 0);
    assert_int_equal(tiny_run(LINE "--int4 --output nibbles.onnx"), 0);
    assert_string_equal(metadata("nibbles.onnx", "gauntlet.quantized"),
                        "cle+bias w3 a4 edges8 academic");
    assert_int_equal(strncmp(metadata("nibbles.onnx", "gauntlet.weight_bits"), "8 3 3 ", 6),
                     0);
    assert_int_equal(tiny_run("run --quiet --model bytes.onnx --model nibbles.onnx "
                                      "--dataset data --db four.db"),
                     0);
    assert_string_equal(tiny_ask("four.db", "SELECT count(DISTINCT top1) FROM pred"),
                        "1");
}

static void mixed_precision_is_reported(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("quantize net.onnx --calib data --mixed bits=4 "
                                      "--acts 8 --output mixed.onnx"),
                     0);
    assert_non_null(strstr(tiny_output(), "mixed precision: sensitivity"));
    const char *bits = metadata("mixed.onnx", "gauntlet.weight_bits");
    assert_int_equal(bits[0], '8');
    assert_true(strchr(bits, '2') || strchr(bits, '4'));
}

/* A folder without classes gives what class folders with the same pictures give. */
static void any_pictures_calibrate(void **state)
{
    (void)state;
    char shell[256];
    snprintf(shell, sizeof shell,
             "cd %s && mkdir flat && for c in data/*; do for f in $c/*; do cp $f "
             "flat/${c##*/}_${f##*/}; done; done",
             tiny_folder);
    assert_int_equal(system(shell), 0);
    assert_int_equal(tiny_run("quantize net.onnx --calib flat --output flat.onnx"),
                     0);
    assert_int_equal(tiny_run("quantize net.onnx --calib data --output deep.onnx"),
                     0);
    assert_int_equal(tiny_run("run --quiet --model flat.onnx --model deep.onnx "
                                      "--dataset data --db flat.db"),
                     0);
    assert_string_equal(tiny_ask("flat.db", "SELECT count(DISTINCT top1) FROM pred"),
                        "1");
}

/* Flipped and shifted pictures give other ranges, and the same ones each time. */
static void augmentation_is_seeded(void **state)
{
    (void)state;
    char tables[3][4096];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tiny_run("quantize net.onnx --calib synthetic:1:16 --quiet "
                                          "--output moved.onnx %s",
                                  i ? "--augment" : ""),
                         0);
        snprintf(tables[i], sizeof tables[i], "%s", tiny_output());
    }
    assert_string_equal(tables[1], tables[2]);
    assert_string_not_equal(tables[0], tables[1]);
}

/* Killed as soon as a block is done, the same command ends with the same file. */
static void kills_cost_one_block(void **state)
{
    (void)state;
    const char *line = "quantize net.onnx --calib data --method brecq --weights 3 --acts 4 "
                       "--iterations 300 --step-iterations 20 --threads 1 --output out.onnx";
    char shell[512];
    snprintf(shell, sizeof shell,
             "cd %s && { $GAUNTLET_PROGRAM %s >/dev/null 2>&1 & pid=$!; "
             "for i in $(seq 1000); do [ -e out.onnx.state ] && break; sleep 0.02; done; "
             "kill -9 $pid; wait $pid 2>/dev/null; [ ! -e out.onnx ]; }",
             tiny_folder, line);
    assert_int_equal(system(shell), 0);
    assert_int_equal(tiny_run("%s", line), 0);
    assert_non_null(strstr(tiny_output(), "blocks done"));
    snprintf(shell, sizeof shell, "cd %s && [ ! -e out.onnx.state ] && mv out.onnx kept.onnx",
             tiny_folder);
    assert_int_equal(system(shell), 0);
    assert_int_equal(tiny_run("%s", line), 0);
    assert_null(strstr(tiny_output(), "blocks done"));
    snprintf(shell, sizeof shell, "cd %s && cmp out.onnx kept.onnx", tiny_folder);
    assert_int_equal(system(shell), 0);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"--method best", "no method 'best'; there are: cle"},
        {"--method brecq+adaround", "only one of them can learn"},
        {"--method qdrop --acts 32", "qdrop drops quantized activations"},
        {"--mixed bits", "size=BYTES"},
        {"--mixed size=10", "the budget is 10"},
        {"--mixed bits=4 --widths 4,2", "ascending"},
        {"--mixed bits=4 --widths 2,9", "from 2 to 8"},
        {"--weights 9", "9"},
        {"--rate 0", "above 0"},
        {"--acts 16", "from 2 to 8, or 32"},
        {"--state net.onnx", "the state of another network"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(tiny_run("quantize net.onnx --calib data --output x.onnx %s",
                                  wrong[i][0]),
                         1);
        if (!strstr(tiny_output(), wrong[i][1]))
            fail_msg("%s: '%s' does not say '%s'", wrong[i][0], tiny_output(), wrong[i][1]);
    }
}

static int setup(void **state)
{
    int failed = tiny_setup(state);
    if (!failed)
        make_network();
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_run_beside_their_twins),
        cmocka_unit_test(int4_predicts_the_same),
        cmocka_unit_test(mixed_precision_is_reported),
        cmocka_unit_test(any_pictures_calibrate),
        cmocka_unit_test(augmentation_is_seeded),
        cmocka_unit_test(kills_cost_one_block),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, setup, tiny_teardown);
}
