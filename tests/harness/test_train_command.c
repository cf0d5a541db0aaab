/* gauntlet train, and what show and inspect say of its data and its product. */
#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"

#include <string.h>

static char folder[] = "/tmp/gauntlet-train-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char *path = mem_format("%s/%s", folder, name);
    assert_ok(file_replace(path, text, strlen(text)));
    free(path);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    tiny_make(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tiny_remove(folder);
    return 0;
}

static void says(const char *words)
{
    if (!strstr(tiny_output(), words))
        fail_msg("'%s' does not say '%s'", tiny_output(), words);
}

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
    write_file("a.train.yaml", first);
    write_file("b.train.yaml", second);
    free(first);
    free(second);
    if (tiny_run(folder, "train a.train.yaml b.train.yaml --quiet"))
        fail_msg("%s", tiny_output());
    says("a.onnx: ");
    says("b.onnx: ");
    says("% on 8 images of data, 2 epochs in ");
    assert_int_equal(tiny_run(folder, "train a.train.yaml b.train.yaml --quiet"), 0);
    says("b.onnx: finished already");
    assert_int_equal(tiny_run(folder, "inspect b.onnx"), 0);
    says("command     gauntlet train b.train.yaml\n");
    assert_int_equal(tiny_run(folder, "inspect b.onnx --json"), 0);
    says("\"technique\":\"distilled\"");
    says("\"seed\":\"7\"");
    assert_int_equal(tiny_run(folder, "train a.train.yaml b.train.yaml --output c.onnx"), 1);
    says("--output is for one configuration");
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
        char *path = mem_format("%s/%s", folder, files[i].name);
        if (tiny_run(folder, "show data --samples 2 --size 12 --noise fog:1 -o %s",
                     files[i].name))
            fail_msg("%s", tiny_output());
        says("4 classes of data");
        assert_ok(file_map(path, &file));
        assert_memory_equal(file.data, files[i].head, strlen(files[i].head));
        file_unmap(&file);
        free(path);
    }
    assert_int_equal(tiny_run(folder, "show data --samples 0 -o x.png"), 1);
    assert_int_equal(tiny_run(folder, "show data --samples 2 --size 0 -o x.png"), 1);
    says("needs a --size");
    assert_int_equal(tiny_run(folder, "show nowhere --samples 2 -o x.png"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_networks_of_one_command),
        cmocka_unit_test(sheets_of_samples),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
