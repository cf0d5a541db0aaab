#include "tests/datasets/place.h"

#include "datasets/dataset.h"

static void save(struct text *tar, const char *name)
{
    place_bytes(name, tar->data, tar->size);
    text_clear(tar);
}

static void add(struct text *tar, const char *name, const char *contents)
{
    tar_member(tar, name, '0', contents, strlen(contents));
}

static void reads_in_place(void **state)
{
    (void)state;
    struct text tar = {0};
    tar_member(&tar, "./test/", '5', "", 0);
    add(&tar, "./test/dog/b.jpg", "dog b");
    add(&tar, "./test/cat/a.JPEG", "cat a");
    add(&tar, "./test/cat/._a.JPEG", "a resource fork");
    add(&tar, "./test/README", "hello");
    tar_end(&tar);
    save(&tar, "pets.tar");

    struct dataset dataset;
    assert_ok(dataset_open(place("pets.tar"), NULL, &dataset));
    assert_string_equal(dataset.name, "pets");
    assert_string_equal(dataset.split, "test");
    assert_int_equal(dataset.count, 2);
    assert_int_equal(dataset.ignored, 2);
    assert_int_equal(dataset.n_classes, 2);
    assert_string_equal(dataset.class_names[1], "dog");
    assert_string_equal(dataset.samples[0].key, "test/cat/a.JPEG");
    assert_int_equal(dataset.samples[1].label, 1);
    struct sample_data data;
    assert_ok(dataset_load(&dataset, 1, &data));
    assert_int_equal(data.size, 5);
    assert_memory_equal(data.bytes, "dog b", 5);
    assert_null(data.owned);
    sample_data_clear(&data);
    dataset_close(&dataset);
}

static void long_names(void **state)
{
    (void)state;
    struct text tar = {0};
    char path[400], record[512];
    int n = snprintf(path, sizeof path, "test/%0200d/a.jpg", 1);
    tar_member(&tar, "././@LongLink", 'L', path, (size_t)n + 1);
    add(&tar, "short", "gnu");
    /* A pax record counts its own length. */
    n = snprintf(record, sizeof record, "221 path=test/%0200d/b.jpg\n", 1);
    assert_int_equal(n, 221);
    tar_member(&tar, "pax", 'x', record, (size_t)n);
    add(&tar, "short", "pax");
    tar_end(&tar);
    save(&tar, "long.tar");

    struct dataset dataset;
    assert_ok(dataset_open(place("long.tar"), NULL, &dataset));
    assert_int_equal(dataset.count, 2);
    assert_string_equal(dataset.samples[0].key, path);
    path[strlen(path) - 5] = 'b';
    assert_string_equal(dataset.samples[1].key, path);
    dataset_close(&dataset);
}

static void names_are_only_names(void **state)
{
    (void)state;
    struct text tar = {0};
    add(&tar, "../../etc/a.jpg", "up");
    add(&tar, "../../x\ny/b.jpg", "line\xff");
    add(&tar, "../../50%/c.jpg", "percent");
    tar_end(&tar);
    save(&tar, "names.tar");

    struct dataset dataset;
    assert_ok(dataset_open(place("names.tar"), NULL, &dataset));
    assert_int_equal(dataset.count, 3);
    assert_string_equal(dataset.samples[0].key, "../../50%25/c.jpg");
    assert_string_equal(dataset.samples[1].key, "../../etc/a.jpg");
    assert_string_equal(dataset.samples[2].key, "../../x%0Ay/b.jpg");
    dataset_close(&dataset);
}

static void links_and_duplicates(void **state)
{
    (void)state;
    struct text tar = {0};
    add(&tar, "cat/a.jpg", "old");
    add(&tar, "cat/a.jpg", "newer");
    tar_header(&tar, "dog/hard.jpg", '1', "00000000000", "cat/a.jpg");
    tar_header(&tar, "dog/soft.jpg", '2', "00000000000", "/etc/passwd");
    tar_header(&tar, "dog/gone.jpg", '1', "00000000000", "nowhere.jpg");
    add(&tar, "dog/void.jpg", "");
    tar_end(&tar);
    save(&tar, "links.tar");

    struct dataset dataset;
    struct sample_data data;
    assert_ok(dataset_open(place("links.tar"), NULL, &dataset));
    assert_int_equal(dataset.count, 5);
    assert_ok(dataset_load(&dataset, 0, &data));
    assert_memory_equal(data.bytes, "newer", 5);
    const char *failing[] = {"dog/gone.jpg", "dog/soft.jpg", "dog/void.jpg"};
    const size_t at[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(dataset.samples[at[i]].key, failing[i]);
        assert_int_equal(dataset_load(&dataset, at[i], &data), ERR_FORMAT);
        assert_non_null(strstr(status_message(), failing[i]));
    }
    assert_ok(dataset_load(&dataset, 2, &data));
    dataset_close(&dataset);
}

static void expect(const char *name, enum status st, const char *words)
{
    struct dataset dataset;
    assert_int_equal(dataset_open(place(name), NULL, &dataset), st);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
    assert_null(dataset.samples);
    assert_null(dataset.path);
}

static void hostile_headers(void **state)
{
    (void)state;
    static const struct {
        const char *size, *words;
        enum status st;
    } cases[] = {
        {"00000001000", "claims 512 bytes and 0 are left", ERR_FORMAT},
        {"77777777777", "claims 8589934591 bytes", ERR_FORMAT},
        {"\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "claims 9223372036854775807",
         ERR_FORMAT},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "is no number", ERR_FORMAT},
        {"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "is no number", ERR_FORMAT},
        {"0000000000x", "is no number", ERR_FORMAT},
        {"-0000000001", "is no number", ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char size[13] = {0};
        memcpy(size, cases[i].size, 12);
        struct text tar = {0};
        char block[512] = {0};
        add(&tar, "cat/ok.jpg", "fine");
        memcpy(block, "cat/bad.jpg", 11);
        memcpy(block + 124, size, 12);
        block[156] = '0';
        unsigned sum = 8 * ' ';
        for (int k = 0; k < 512; k++)
            sum += (unsigned char)block[k];
        snprintf(block + 148, 8, "%06o", sum);
        text_add_bytes(&tar, block, sizeof block);
        save(&tar, "bad.tar");
        expect("bad.tar", cases[i].st, cases[i].words);
    }
}

static void hostile_extensions(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *contents, *words;
        enum status st;
    } cases[] = {
        {'x', "30 path=a\n", "bad pax record", ERR_FORMAT},
        {'x', "0 path=a\n", "bad pax record", ERR_FORMAT},
        {'x', "8 path=a\n", "bad pax record", ERR_FORMAT},
        {'x', "9999999999999 path=a\n", "bad pax record", ERR_FORMAT},
        {'x', "10 path:aa\n", "bad pax record", ERR_FORMAT},
        {'x', "11 size=-1\n", "bad pax size", ERR_FORMAT},
        {'x', "28 size=9223372036854775808\n", "bad pax size", ERR_FORMAT},
        {'x', "22 size=999999999999\n", "bad pax record", ERR_FORMAT},
        {'x', "21 size=999999999999\n", "claims 999999999999 bytes", ERR_FORMAT},
        {'x', "22 GNU.sparse.major=1\n", "sparse", ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text tar = {0};
        tar_member(&tar, "header", cases[i].type, cases[i].contents,
                   strlen(cases[i].contents));
        add(&tar, "cat/a.jpg", "fine");
        tar_end(&tar);
        save(&tar, "bad.tar");
        expect("bad.tar", cases[i].st, cases[i].words);
    }
    struct text tar = {0};
    tar_header(&tar, "cat/a.jpg", 'S', "00000000000", "");
    save(&tar, "bad.tar");
    expect("bad.tar", ERR_UNSUPPORTED, "sparse");
}

static void damaged(void **state)
{
    (void)state;
    struct text tar = {0};
    add(&tar, "cat/a.jpg", "fine");
    add(&tar, "cat/b.jpg", "fine");
    tar.data[1024 + 3] ^= 1;
    save(&tar, "bad.tar");
    expect("bad.tar", ERR_FORMAT, "header at byte 1024 does not fit its checksum");

    add(&tar, "cat/a.jpg", "fine");
    text_add_bytes(&tar, "half a header", 13);
    save(&tar, "bad.tar");
    expect("bad.tar", ERR_FORMAT, "ends in the middle of a header");

    place_text("bad.tar", "no archive at all");
    expect("bad.tar", ERR_FORMAT, "ends in the middle of a header");
    place_text("bad.tar", "");
    expect("bad.tar", ERR_FORMAT, "no pictures there");
    place_text("bad.tar.gz", "not gzip");
    expect("bad.tar.gz", ERR_FORMAT, "bad.tar.gz");
}

/* The published figures of the shared archives. */
static void shared_archives(void **state)
{
    (void)state;
    REQUIRE_SHARED(cifar, "data/cifar10-test.tar");
    struct dataset dataset;
    assert_ok(dataset_open(cifar, NULL, &dataset));
    assert_string_equal(dataset.name, "cifar10-test");
    assert_string_equal(dataset.split, "test");
    assert_int_equal(dataset.count, 5000);
    assert_int_equal(dataset.n_classes, 10);
    int per_class[10] = {0};
    for (size_t i = 0; i < dataset.count; i++)
        per_class[dataset.samples[i].label]++;
    for (int i = 0; i < 10; i++)
        assert_int_equal(per_class[i], 500);
    assert_string_equal(dataset.class_names[0], "airplane");
    dataset_close(&dataset);
}

static void shared_imagenet(void **state)
{
    (void)state;
    REQUIRE_SHARED(sample, "data/imagenet-sample.tar");
    REQUIRE_SHARED(classes, "data/imagenet-classes.tsv");
    struct dataset by_wnid, by_list;
    assert_ok(dataset_open(sample, NULL, &by_wnid));
    assert_ok(
        dataset_open(sample, &(struct dataset_options){.classes = classes}, &by_list));
    assert_int_equal(by_wnid.count, 500);
    assert_int_equal(by_wnid.n_classes, 1000);
    assert_string_equal(by_wnid.manifest_sha, by_list.manifest_sha);
    for (size_t i = 0; i < by_wnid.count; i++) {
        assert_int_equal(by_wnid.samples[i].label,
                         2 * (int)i); /* every even class, one each */
        assert_int_equal(by_list.samples[i].label, 2 * (int)i);
    }
    assert_string_equal(by_list.class_names[0], "tench");
    dataset_close(&by_wnid);
    dataset_close(&by_list);
}

static void shared_lossless(void **state)
{
    (void)state;
    REQUIRE_SHARED(path, "data/cifar10-lossless.tar");
    struct dataset dataset;
    struct sample_data data;
    assert_ok(dataset_open(path, NULL, &dataset));
    assert_int_equal(dataset.count, 117);
    assert_ok(dataset_load(&dataset, 0, &data));
    assert_null(data.bytes);
    assert_int_equal(data.pixels.width, 32);
    sample_data_clear(&data);
    dataset_close(&dataset);
}

static void shared_gzipped(void **state)
{
    (void)state;
    REQUIRE_SHARED(path, "data/cifar10-train.tar.gz");
    struct dataset dataset;
    for (int again = 0; again < 2; again++) {
        assert_ok(dataset_open(path, NULL, &dataset));
        assert_string_equal(dataset.name, "cifar10-train");
        assert_string_equal(dataset.split, "train");
        assert_int_equal(dataset.count, 50000);
        dataset_close(&dataset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_in_place),
        cmocka_unit_test(long_names),
        cmocka_unit_test(names_are_only_names),
        cmocka_unit_test(links_and_duplicates),
        cmocka_unit_test(hostile_headers),
        cmocka_unit_test(hostile_extensions),
        cmocka_unit_test(damaged),
        cmocka_unit_test(shared_archives),
        cmocka_unit_test(shared_imagenet),
        cmocka_unit_test(shared_lossless),
        cmocka_unit_test(shared_gzipped),
    };
    return cmocka_run_group_tests(tests, place_open, place_close);
}
