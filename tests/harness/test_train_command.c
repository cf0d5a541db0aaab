/* gauntlet train, and what show and inspect say of its data and its product. */
#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"

#include <string.h>

/* Two networks of one command, the second taught by the first; then nothing is left to do,
 * and the file says where it came from. */
static void two_networks_of_one_command(void **state)
{
    (void)state;
    static const char common[] = "dataset: data\nvalidation: data\nside: 16\nresize: 0\n"
                                 "epochs: 2\nbatch: 4\nparts: 2\nseed: 7\n";
    char *first = mem_format("architecture: resnet8\noutput: a.onnx\n%s", common);
    char *second = mem_format("architecture: resnet8\noutput: b.onnx\nteacher: a.onnx\n%s",
                              common);
    tiny_write("a.train.yaml", first);
    tiny_write("b.train.yaml", second);
    free(first);
    free(second);
    if (tiny_run("train a.train.yaml b.train.yaml --quiet"))
        fail_msg("%s", tiny_output());
    tiny_says("a.onnx: ");
    tiny_says("b.onnx: ");
    tiny_says("% on 8 images of data, 2 epochs in ");
    assert_int_equal(tiny_run("train a.train.yaml b.train.yaml --quiet"), 0);
    tiny_says("b.onnx: finished already");
    assert_int_equal(tiny_run("inspect b.onnx"), 0);
    tiny_says("command     gauntlet train b.train.yaml\n");
    assert_int_equal(tiny_run("inspect b.onnx --json"), 0);
    tiny_says("\"technique\":\"distilled\"");
    tiny_says("\"seed\":\"7\"");
    assert_int_equal(tiny_run("train a.train.yaml b.train.yaml --output c.onnx"), 1);
    tiny_says("--output is for one configuration");
}

/* A sheet of a dataset: a JPEG where the name says so, else a PNG. */
static void sheets_of_samples(void **state)
{
    (void)state;
    static const struct {
        const char *name, *head;
    } files[] = {{"sheet.jpg", "\xff\xd8\xff"}, {"sheet.png", "\x89PNG"}};
    for (int i = 0; i < 2; i++) {
        struct mapping file;
        char *path = mem_format("%s/%s", tiny_folder, files[i].name);
        if (tiny_run("show data --samples 2 --size 12 --noise fog:1 -o %s",
                     files[i].name))
            fail_msg("%s", tiny_output());
        tiny_says("4 classes of data");
        assert_ok(file_map(path, &file));
        assert_memory_equal(file.data, files[i].head, strlen(files[i].head));
        file_unmap(&file);
        free(path);
    }
    assert_int_equal(tiny_run("show data --samples 0 -o x.png"), 1);
    assert_int_equal(tiny_run("show data --samples 2 --size 0 -o x.png"), 1);
    tiny_says("needs a --size");
    assert_int_equal(tiny_run("show nowhere --samples 2 -o x.png"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_networks_of_one_command),
        cmocka_unit_test(sheets_of_samples),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
