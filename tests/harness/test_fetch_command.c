/* gauntlet fetch as a user meets it, with a private catalogue and a folder as the mirror. */
#include "tests/harness/tiny.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

/* mirror/{tiny.onnx,pets.tar,boxes.tar.gz,evil.tar} and mine.yaml, which describes them. */
static int setup(void **state)
{
    if (tiny_setup(state) || setenv("XDG_CACHE_HOME", tiny_folder, 1))
        return -1;
    tiny_shell("mkdir mirror && cp tiny.onnx mirror/ && tar cf mirror/pets.tar -C data ."
          " && mkdir boxes && cp -r data boxes/inner && tar czf mirror/boxes.tar.gz boxes"
          " && ln -s /etc/passwd link && tar cf mirror/evil.tar link");
    struct text yaml = {0};
    static const char *const files[] = {"tiny.onnx", "pets.tar", "boxes.tar.gz",
                                        "evil.tar"};
    char sha[4][HASH_HEX];
    for (int i = 0; i < 4; i++) {
        char *path = mem_format("%s/mirror/%s", tiny_folder, files[i]);
        enum status st = hash_file(path, sha[i]);
        free(path);
        if (st)
            return -1;
    }
    text_addf(&yaml,
              "models:\n"
              "  - name: fetched\n    sha256: %s\n    urls: "
              "[\"https://example.invalid/a/tiny.onnx\"]\n"
              "datasets:\n"
              "  - name: pets\n    sha256: %s\n    urls: "
              "[\"https://example.invalid/pets.tar?x=1\"]\n"
              "  - name: boxes\n    sha256: %s\n    urls: "
              "[\"https://example.invalid/boxes.tar.gz\"]\n"
              "    unpack: true\n    inside: boxes/inner\n"
              "  - name: evil\n    sha256: %s\n    urls: "
              "[\"https://example.invalid/evil.tar\"]\n"
              "    unpack: true\n"
              "  - name: lying\n    md5: 00000000000000000000000000000000\n"
              "    urls: [\"https://example.invalid/pets.tar\"]\n",
              sha[0], sha[1], sha[2], sha[3]);
    char *path = mem_format("%s/mine.yaml", tiny_folder);
    FILE *file = fopen(path, "w");
    if (!file || fputs(yaml.data, file) < 0 || fclose(file))
        return -1;
    setenv("GAUNTLET_CATALOGUE", path, 1);
    free(path);
    text_clear(&yaml);
    char *mirror = mem_format("file://%s/mirror", tiny_folder);
    setenv("GAUNTLET_MIRROR", mirror, 1);
    free(mirror);
    return 0;
}

/* Fetched by name, then used by name. */
static void used_by_name(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("run --model fetched --dataset pets --db r.db"), 1);
    tiny_says("gauntlet fetch fetched");
    if (tiny_run("fetch fetched pets boxes --quiet --tries 1"))
        fail_msg("%s", tiny_output());
    tiny_says("fetched\tfetched\t");
    assert_int_equal(tiny_run("fetch fetched pets boxes --verify"), 0);
    tiny_says("pets\twas here\t");
    tiny_says("boxes\twas here\t");
    tiny_shell("cp tiny.yaml gauntlet/models/fetched.yaml");
    assert_int_equal(tiny_run("run --model fetched --dataset pets --db r.db"), 0);
    assert_int_equal(tiny_run("run --model fetched --dataset boxes --db r.db"),
                     0);
    tiny_shell("test \"$(sqlite3 r.db 'SELECT group_concat(dataset) FROM (SELECT dataset FROM "
          "result"
          " WHERE acc=1 ORDER BY 1)')\" = boxes,pets");
    tiny_shell("test ! -e gauntlet/datasets/boxes.archive");
}

static void one_failure_costs_itself(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("fetch evil lying 'pet*' --quiet --tries 1"), 2);
    tiny_says("'link' is a link; nothing was unpacked");
    tiny_says("lying");
    tiny_says("pets\twas here");
    tiny_shell("test ! -e gauntlet/datasets/evil && test ! -e gauntlet/datasets/evil.archive");
    tiny_shell("test ! -e gauntlet/datasets/lying.tar && test ! -e "
          "gauntlet/datasets/lying.tar.part");
}

static void refuses(void **state)
{
    (void)state;
    assert_int_equal(tiny_run("fetch"), 1);
    assert_int_equal(tiny_run("fetch pest"), 1);
    tiny_says("did you mean 'pets'?");
    assert_int_equal(tiny_run("fetch objectnet"), 1);
    tiny_says("behind a password");
    assert_int_equal(tiny_run("fetch squeezenet1.1-7 --offline"), 2);
    tiny_says("--offline");
    assert_int_equal(tiny_run("fetch 'resnet50-v1-12*' --dry-run"), 0);
    tiny_says("154.1 MB to fetch");
    assert_int_equal(tiny_run("fetch cifar10 --jobs 0"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(used_by_name),
        cmocka_unit_test(one_failure_costs_itself),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, setup, tiny_teardown);
}
