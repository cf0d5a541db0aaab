/* Files that lie: each is refused with a message that names the place, and without
 * allocating what it claims. */
#include "tests/test.h"

#include "base/file.h"
#include "models/onnx/onnx.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>

/* clang-format off */
static const struct {
    const char *file, *says;
} lies[] = {
    {"bad_cycle", "node 'Add_0' (Add) depends on itself"},
    {"bad_duplicate", "node 'Abs_1' (Abs, opset 13): output 'y': another value has this name"},
    {"bad_missing_weight", "node 'Conv_0' (Conv, opset 13): input 'w' comes from nowhere"},
    {"bad_no_output", "output 'y' comes from nowhere"},
    {"bad_operator", "node 'odd': operator FancyNorm (opset 13) is not supported; supported are: "},
    {"bad_gaps", "node 'FancyNorm_0': operator FancyNorm (opset 13) is not supported"},
    {"bad_domain", "operator org.example.Conv (opset 1) is not supported"},
    {"bad_opset", "node 'HardSwish_0': HardSwish is supported from opset 14 on, not in opset 9"},
    {"bad_attribute_type", "node 'Softmax_0' (Softmax, opset 13): attribute 'axis' is a float instead of an integer"},
    {"bad_attribute_name", "attribute 'temperature' is not known here"},
    {"bad_attribute_missing", "node 'Concat_0' (Concat, opset 13): attribute 'axis' is missing"},
    {"bad_arity", "node 'Add_0' (Add, opset 13): 1 inputs, where the operator has 2 to 2"},
    {"bad_omitted", "node 'Add_0' (Add, opset 13): 1 inputs, where the operator has 2 to 2"},
    {"bad_group", "node 'Conv_0' (Conv, opset 13): 3 channels in 0 groups"},
    {"bad_stride", "node 'Conv_0' (Conv, opset 13): 'strides' is 0"},
    {"bad_window", "node 'MaxPool_0' (MaxPool, opset 13): a window of 9 does not fit into 8"},
    {"bad_taps", "node 'MaxPool_0' (MaxPool, opset 13): a window of 3600000000 taps"},
    {"bad_channels", "3 channels in 1 groups, but the weights have 2 x 4"},
    {"bad_dtype", "node 'Add_0' (Add, opset 13): 'x' is float32, but 'i' is int64"},
    {"bad_reshape", "node 'Reshape_0' (Reshape, opset 13): 1x3x8x8 cannot become 1x7x-1"},
    {"bad_perm", "'perm' is not a permutation: 1"},
    {"bad_index", "node 'Gather_0' (Gather, opset 13): index 9 into a dimension of 4"},
    {"bad_rank", "input 'x': 9 dimensions, at most 8"},
    {"bad_input_dim", "input 'x': dimension 2 is -7"},
    {"bad_input_huge", "more than 268435456 elements"},
    {"bad_batchnorm", "'s' does not have one element for each of the 3 channels"},
    {"bad_elements", "initialiser 'c': its shape says 4398046511104 bytes, its data hold 8"},
    {"bad_negative", "initialiser 'c': dimension 0 is -2"},
    {"bad_overflow", "initialiser 'c': dimension 1 is 8589934592"},
    {"bad_short", "initialiser 'c': its shape says 12 bytes, its data hold 8"},
    {"bad_type", "initialiser 'c': data type 14"},
    {"bad_escape", "initialiser 'c': external data '../corpus.bin' is outside the model's folder"},
    {"bad_absolute", "initialiser 'c': external data '/etc/hostname' is outside the model's folder"},
    {"bad_absent", "initialiser 'c': external data 'nowhere.bin' is not there"},
    {"bad_offset", "8 bytes at 1099511627776 of 'ok_conv.onnx'"},
    {"bad_many", "tensors take more from 'bad_many.onnx' than its"},
    {"bad_fold", "more than 268435456 elements"},
    {"bad_expand", "more than 268435456 elements"},
    {"bad_empty", "it holds no graph"},
    {"bad_text", "not an ONNX file"},
    {"bad_cut", "not an ONNX file, or cut off: the field at byte"},
    {"bad_nested", "messages are nested deeper than 32"},
};
/* clang-format on */

static void corpus_path(char path[1024], const char *name)
{
    snprintf(path, 1024, "%s/%s.onnx", source_path("tests/corpus/onnx"), name);
}

static enum status read_and_specialise(const char *path)
{
    struct graph graph, special;
    enum status st = onnx_read(path, &graph);
    if (st)
        return st;
    st = graph_specialise(&graph, 1, &special);
    if (!st)
        graph_clear(&special);
    graph_clear(&graph);
    return st;
}

static void every_lie_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        char path[1024];
        corpus_path(path, lies[i].file);
        if (!read_and_specialise(path))
            fail_msg("%s was accepted", lies[i].file);
        if (!strstr(status_message(), lies[i].says))
            fail_msg("%s: got '%s', expected '%s'", lies[i].file, status_message(),
                     lies[i].says);
    }
}

static void every_file_is_listed(void **state)
{
    (void)state;
    DIR *folder = opendir(source_path("tests/corpus/onnx"));
    assert_non_null(folder);
    size_t bad = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        bad += !strncmp(entry->d_name, "bad_", 4);
    closedir(folder);
    assert_int_equal(bad, sizeof lies / sizeof *lies);
}

static void sound_files_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {"ok_conv", "ok_old_opset", "ok_shapes", "ok_qdq",
                                        "ok_attention", "ok_typed_data", "ok_opset3",
                                        "ok_opset3_again"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        corpus_path(path, names[i]);
        assert_ok(read_and_specialise(path));
    }
}

/* Any prefix is an error or a smaller network, never a crash. */
static void every_truncation_is_survived(void **state)
{
    (void)state;
    char path[1024];
    corpus_path(path, "ok_conv");
    struct mapping file;
    assert_ok(file_map(path, &file));
    size_t refused = 0;
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, file.data, size);
        struct graph graph, special;
        if (onnx_parse(copy, size, NULL, &graph)) {
            refused++;
        } else {
            if (!graph_specialise(&graph, 1, &special))
                graph_clear(&special);
            graph_clear(&graph);
        }
        free(copy);
    }
    /* The graph is one field near the end of the file: nothing shorter is whole. */
    assert_true(refused > file.size - 16);
    file_unmap(&file);
}

/* A symbolic link is followed before the folder is compared. */
static void a_link_does_not_lead_outside(void **state)
{
    (void)state;
    char folder[] = "/tmp/gauntlet-hostile-XXXXXX", path[1200], link[1200], model[1024];
    char absolute[4096];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/bad_absent.onnx", folder);
    snprintf(link, sizeof link, "%s/nowhere.bin", folder);
    corpus_path(model, "bad_absent");
    struct mapping file;
    assert_ok(file_map(model, &file));
    assert_ok(file_replace(path, file.data, file.size));
    assert_non_null(realpath(model, absolute));
    assert_int_equal(symlink(absolute, link), 0);
    struct graph graph;
    assert_int_equal(onnx_read(path, &graph), ERR_FORMAT);
    assert_non_null(strstr(status_message(), "outside the model's folder"));
    unlink(link);

    /* The same file as a plain one, of the right size, is read. */
    float two[2] = {1, 2};
    assert_ok(file_replace(link, two, sizeof two));
    assert_ok(onnx_read(path, &graph));
    graph_clear(&graph);
    unlink(link);
    unlink(path);
    rmdir(folder);
    file_unmap(&file);
}

/* All of it in little memory: what a file claims is checked before it is allocated. */
static void little_memory_is_used(void **state)
{
    (void)state;
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
#ifndef __SANITIZE_ADDRESS__
    assert_true(usage.ru_maxrss < 64 * 1024);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lie_is_named),
        cmocka_unit_test(every_file_is_listed),
        cmocka_unit_test(sound_files_are_read),
        cmocka_unit_test(every_truncation_is_survived),
        cmocka_unit_test(a_link_does_not_lead_outside),
        cmocka_unit_test(little_memory_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
