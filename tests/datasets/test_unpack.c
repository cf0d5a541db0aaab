#include "tests/datasets/place.h"

#include "datasets/fetch.h"

#include <archive.h>
#include <archive_entry.h>

static void says(enum status got, enum status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

/* Nothing, not even a half-filled folder, is left of a refused archive. */
static void assert_nothing_left(void)
{
    assert_int_not_equal(access(place("out"), F_OK), 0);
    char *command = mem_format("test -z \"$(ls -d %s/out* 2>/dev/null)\"", place_folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static void remove_out(void)
{
    char *command = mem_format("rm -rf %s/out", place_folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static void file_says(const char *path, const char *text)
{
    struct mapping file;
    assert_ok(file_map(place(path), &file));
    assert_int_equal(file.size, strlen(text));
    assert_memory_equal(file.data, text, file.size);
    file_unmap(&file);
}

static void good_archives(void **state)
{
    (void)state;
    struct text tar = {0};
    tar_member(&tar, "./a/", '5', "", 0);
    tar_member(&tar, "./a/b/c.txt", '0', "see", 3);
    tar_member(&tar, "d.txt", '0', "dee", 3);
    tar_end(&tar);
    place_bytes("good.tar", tar.data, tar.size);
    text_clear(&tar);
    assert_ok(archive_unpack(place("good.tar"), place("out")));
    file_says("out/a/b/c.txt", "see");
    file_says("out/d.txt", "dee");
    says(archive_unpack(place("good.tar"), place("out")), ERR_USAGE, "is there already");
    remove_out();

    char *command = mem_format("gzip -k %s/good.tar", place_folder);
    assert_int_equal(system(command), 0);
    free(command);
    assert_ok(archive_unpack(place("good.tar.gz"), place("out")));
    file_says("out/d.txt", "dee");
    remove_out();
}

static void zip(void **state)
{
    (void)state;
    struct archive *archive = archive_write_new();
    archive_write_set_format_zip(archive);
    assert_int_equal(archive_write_open_filename(archive, place("good.zip")), ARCHIVE_OK);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "a/b.txt");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 04777);
    archive_entry_set_size(entry, 3);
    archive_write_header(archive, entry);
    archive_write_data(archive, "zip", 3);
    archive_entry_free(entry);
    archive_write_free(archive);
    assert_ok(archive_unpack(place("good.zip"), place("out")));
    file_says("out/a/b.txt", "zip");
    struct stat info;
    assert_int_equal(stat(place("out/a/b.txt"), &info), 0);
    assert_int_equal(info.st_mode & 07111,
                     0); /* nobody asked for a program with rights */
    remove_out();
}

static void hostile_members(void **state)
{
    (void)state;
    static const struct {
        const char *name, *target, *words;
        char type;
    } cases[] = {
        {"../evil", "", "leads elsewhere", '0'},
        {"a/../../evil", "", "leads elsewhere", '0'},
        {"/etc/evil", "", "leads elsewhere", '0'},
        {"a//b", "", "leads elsewhere", '0'},
        {"..", "", "leads elsewhere", '5'},
        {"..\\evil", "", "leads elsewhere", '0'},
        {"link", "/etc/passwd", "is a link", '2'},
        {"link", "good.txt", "is a link", '1'},
        {"pipe", "", "neither a file nor a folder", '6'},
        {"device", "", "neither a file nor a folder", '3'},
        {"good.txt", "", "stands there twice", '0'},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text tar = {0};
        tar_member(&tar, "good.txt", '0', "fine", 4);
        tar_header(&tar, cases[i].name, cases[i].type, "00000000000", cases[i].target);
        tar_end(&tar);
        place_bytes("bad.tar", tar.data, tar.size);
        text_clear(&tar);
        says(archive_unpack(place("bad.tar"), place("out")), ERR_FORMAT, cases[i].words);
        assert_nothing_left();
    }
    /* Through a file as if it were a folder. */
    struct text tar = {0};
    tar_member(&tar, "good.txt", '0', "fine", 4);
    tar_member(&tar, "good.txt/below", '0', "x", 1);
    tar_end(&tar);
    place_bytes("bad.tar", tar.data, tar.size);
    text_clear(&tar);
    assert_int_equal(archive_unpack(place("bad.tar"), place("out")), ERR_IO);
    assert_nothing_left();
}

static void damaged(void **state)
{
    (void)state;
    struct text tar = {0};
    tar_member(&tar, "a.txt", '0', "fine", 4);
    tar_header(&tar, "b.txt", '0', "00000777777", "");
    place_bytes("bad.tar", tar.data, tar.size);
    text_clear(&tar);
    says(archive_unpack(place("bad.tar"), place("out")), ERR_FORMAT, "bad.tar");
    assert_nothing_left();
    place_text("bad.tar", "no archive");
    says(archive_unpack(place("bad.tar"), place("out")), ERR_FORMAT, "bad.tar");
    assert_nothing_left();
    says(archive_unpack(place("none.tar"), place("out")), ERR_IO, "none.tar");
}

/* 100 MiB of zeros in 100 KB. */
static void bomb(void **state)
{
    (void)state;
    char *command =
        mem_format("cd %s && head -c 104857600 /dev/zero > zeros && tar cf - zeros |"
                   " gzip -9 > bomb.tar.gz && rm zeros",
                   place_folder);
    assert_int_equal(system(command), 0);
    free(command);
    says(archive_unpack(place("bomb.tar.gz"), place("out")), ERR_LIMIT, "refused");
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_archives),
        cmocka_unit_test(zip),
        cmocka_unit_test(hostile_members),
        cmocka_unit_test(damaged),
        cmocka_unit_test(bomb),
    };
    return cmocka_run_group_tests(tests, place_open, place_close);
}
