#include "tests/datasets/place.h"

#include "base/hash.h"
#include "datasets/catalogue.h"
#include "datasets/classes.h"
#include "datasets/dataset.h"

static void expect(enum status got, enum status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void folders(void **state)
{
    (void)state;
    place_text("pets/train/cat/a.jpg", "1");
    place_text("pets/test/cat/deep/b.jpg", "22");
    place_text("pets/test/dog/c.png", "333");
    place_text("pets/test/dog/notes.txt", "");
    place_text("pets/.git/cat/x.jpg", "");
    struct dataset dataset;
    expect(dataset_open(place("pets"), NULL, &dataset), ERR_USAGE, "test, train");
    expect(
        dataset_open(place("pets"), &(struct dataset_options){.split = "val"}, &dataset),
        ERR_NOTFOUND, "no split 'val'");
    assert_ok(dataset_open(place("pets"), &(struct dataset_options){.split = "test"},
                           &dataset));
    assert_int_equal(dataset.count, 2);
    assert_string_equal(dataset.samples[0].key, "test/cat/deep/b.jpg");
    assert_int_equal(dataset.samples[1].label, 1);
    assert_string_equal(dataset.split, "test");
    assert_string_equal(dataset.name, "pets");
    struct sample_data data;
    assert_ok(dataset_load(&dataset, 0, &data));
    assert_memory_equal(data.bytes, "22", 2);
    sample_data_clear(&data);

    place_text("pets/test/cat/deep/b.jpg", "longer now");
    expect(dataset_load(&dataset, 0, &data), ERR_IO,
           "had 2 when the dataset was indexed");
    dataset_close(&dataset);

    /* Opened at the split itself, with a slash as completion leaves it. */
    assert_ok(dataset_open(place("pets/test/"), NULL, &dataset));
    assert_string_equal(dataset.name, "pets");
    assert_string_equal(dataset.split, "test");
    assert_string_equal(dataset.samples[0].key, "cat/deep/b.jpg");
    dataset_close(&dataset);

    place_text("pets/test/stray.jpg", "1");
    expect(dataset_open(place("pets/test"), NULL, &dataset), ERR_FORMAT, "stray.jpg");
    place_text("flat/a.jpg", "1");
    expect(dataset_open(place("flat"), NULL, &dataset), ERR_FORMAT, "no class folder");
    expect(dataset_open(place("nothing"), NULL, &dataset), ERR_NOTFOUND, "tar archive");
    place_text("thing.pdf", "1");
    expect(dataset_open(place("thing.pdf"), NULL, &dataset), ERR_FORMAT, "of no layout");
}

/* A tar and the folder it was made from are the same dataset. */
static void manifest_ignores_the_container(void **state)
{
    (void)state;
    place_text("same/x/cat/a.jpg", "one");
    place_text("same/x/dog/b.jpg", "two");
    struct text tar = {0};
    tar_member(&tar, "x/dog/b.jpg", '0', "two", 3);
    tar_member(&tar, "x/cat/a.jpg", '0', "one", 3);
    tar_end(&tar);
    place_bytes("same.tar", tar.data, tar.size);
    text_clear(&tar);

    struct dataset folder, archive;
    assert_ok(dataset_open(place("same"), NULL, &folder));
    assert_ok(dataset_open(place("same.tar"), NULL, &archive));
    assert_string_equal(folder.manifest_sha, archive.manifest_sha);
    dataset_close(&folder);
    place_text("same/x/dog/b.jpg", "twO");
    assert_ok(dataset_open(place("same"), NULL, &folder));
    assert_string_not_equal(folder.manifest_sha, archive.manifest_sha);
    dataset_close(&folder);
    dataset_close(&archive);
}

/* Calibration needs no labels: any pictures in any folders will do. */
static void unlabelled_pictures(void **state)
{
    (void)state;
    const struct dataset_options any = {.unlabelled = true};
    struct dataset dataset;
    place_text("loose/a.jpg", "1");
    place_text("loose/b.png", "22");
    expect(dataset_open(place("loose"), NULL, &dataset), ERR_FORMAT, "no class folder");
    assert_ok(dataset_open(place("loose"), &any, &dataset));
    assert_int_equal(dataset.count, 2);
    assert_int_equal(dataset.n_classes, 1);
    assert_string_equal(dataset.class_names[0], "unlabelled");
    assert_string_equal(dataset.samples[1].key, "b.png");
    struct subset subset;
    assert_ok(subset_limit(&dataset, 1, 7, &subset));
    assert_int_equal(subset.count, 1);
    subset_clear(&subset);
    dataset_close(&dataset);
    /* Class folders stay classes, so that the subset is spread over them. */
    place_text("classes/cat/a.jpg", "1");
    place_text("classes/dog/b.jpg", "2");
    assert_ok(dataset_open(place("classes"), &any, &dataset));
    assert_int_equal(dataset.n_classes, 2);
    dataset_close(&dataset);
}

static void labels_of_folders(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct class_list list;
    int labels[3];

    const char *wnids[] = {"n01443537", "n15075141"};
    assert_ok(classes_map(wnids, 2, NULL, &arena, &list, labels));
    assert_int_equal(list.count, 1000);
    assert_int_equal(labels[0], 1);
    assert_int_equal(labels[1], 999);
    assert_ok(classes_map(wnids, 2, "sorted", &arena, &list, labels));
    assert_int_equal(list.count, 2);
    assert_int_equal(labels[1], 1);
    wnids[0] = "n00000001"; /* no ImageNet class: not ImageNet's numbering */
    assert_ok(classes_map(wnids, 2, NULL, &arena, &list, labels));
    assert_int_equal(list.count, 2);

    const char *numbers[] = {"0", "10", "2"};
    assert_ok(classes_map(numbers, 3, NULL, &arena, &list, labels));
    assert_int_equal(list.count, 11);
    assert_int_equal(labels[1], 10);

    place_text("classes.tsv", "index\tfolder\tname\n1\tdog\tHound\n0\tcat\n");
    const char *pets[] = {"dog"};
    assert_ok(classes_map(pets, 1, place("classes.tsv"), &arena, &list, labels));
    assert_int_equal(labels[0], 1);
    assert_string_equal(list.names[1], "Hound");
    const char *typo[] = {"dgo"};
    expect(classes_map(typo, 1, place("classes.tsv"), &arena, &list, labels), ERR_FORMAT,
           "did you mean 'dog'");
    static const char *const bad[][2] = {
        {"0\tcat\n2\tdog\n", "without a gap"},
        {"0\tcat\n0\tdog\n", "twice"},
        {"0\tcat\nx\tdog\n", ":2: expected index"},
        {"", "no line of the form"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        place_text("classes.tsv", bad[i][0]);
        expect(classes_map(pets, 1, place("classes.tsv"), &arena, &list, labels),
               ERR_FORMAT, bad[i][1]);
    }
    arena_clear(&arena);
}

static void wnids_match_the_list(void **state)
{
    (void)state;
    REQUIRE_SHARED(path, "data/imagenet-classes.tsv");
    struct arena arena = {0};
    struct class_list given, own;
    assert_ok(class_list_read(path, &arena, &given));
    class_list_imagenet(&arena, &own);
    assert_int_equal(given.count, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_string_equal(own.folders[i], given.folders[i]);
        assert_int_equal(imagenet_class(own.folders[i]), i);
    }
    assert_int_equal(imagenet_class("n00000000"), -1);
    assert_int_equal(imagenet_class("n99999999"), -1);
    assert_int_equal(imagenet_class("01440764"), -1);
    arena_clear(&arena);
}

static void imagenet_list(void **state)
{
    (void)state;
    place_text("val/ILSVRC2012_val_00000002.JPEG", "22");
    place_text("val/ILSVRC2012_val_00000001.JPEG", "1");
    place_text("val/val.txt", "ILSVRC2012_val_00000001.JPEG 65\r\n"
                              "# comment\n\n"
                              "ILSVRC2012_val_00000003.JPEG 7\n"
                              "ILSVRC2012_val_00000002.JPEG\tn01443537\n");
    struct dataset dataset;
    struct sample_data data;
    assert_ok(dataset_open(place("val"), NULL, &dataset));
    assert_int_equal(dataset.count, 3);
    assert_int_equal(dataset.n_classes, 1000);
    assert_int_equal(dataset.samples[0].label, 65);
    assert_int_equal(dataset.samples[1].label, 1);
    assert_string_equal(dataset.split, "val");
    assert_ok(dataset_load(&dataset, 1, &data));
    assert_memory_equal(data.bytes, "22", 2);
    sample_data_clear(&data);
    /* In the list and not there: a failure to be recorded, not a gap. */
    expect(dataset_load(&dataset, 2, &data), ERR_FORMAT, "absent");
    dataset_close(&dataset);

    place_text("val/val.txt", "a.jpg 0\na.jpg 1\n");
    expect(dataset_open(place("val"), NULL, &dataset), ERR_FORMAT,
           "'a.jpg' stands there twice");
    place_text("val/val.txt", "a.jpg 0\nb.jpg -1\n");
    expect(dataset_open(place("val"), NULL, &dataset), ERR_FORMAT, "val.txt:2: label -1");
    place_text("val/val.txt", "a.jpg 0\nb.jpg\n");
    expect(dataset_open(place("val"), NULL, &dataset), ERR_FORMAT, "val.txt:2: expected");
    place_text("val/val.txt", "a.jpg cat\n");
    expect(dataset_open(place("val"), NULL, &dataset), ERR_FORMAT,
           "neither a class number");
}

static void cifar_batches(void **state)
{
    (void)state;
    static uint8_t batch[2 * 3073];
    batch[0] = 3;
    batch[1] = 10;            /* red of the first pixel */
    batch[1 + 1024] = 20;     /* green */
    batch[1 + 2048 + 1] = 30; /* blue of the second */
    batch[3073] = 9;
    place_bytes("cifar/test_batch.bin", batch, sizeof batch);
    place_bytes("cifar/data_batch_1.bin", batch, 3073);
    struct dataset dataset;
    struct sample_data data;
    assert_ok(dataset_open(place("cifar"), NULL, &dataset));
    assert_int_equal(dataset.count, 2);
    assert_string_equal(dataset.split, "test");
    assert_string_equal(dataset.samples[0].key, "test_batch/00000");
    assert_string_equal(dataset.class_names[dataset.samples[0].label], "cat");
    assert_ok(dataset_load(&dataset, 0, &data));
    assert_null(data.bytes);
    const uint8_t want[] = {10, 20, 0, 0, 0, 30};
    assert_memory_equal(data.pixels.data, want, sizeof want);
    sample_data_clear(&data);
    dataset_close(&dataset);
    assert_ok(dataset_open(place("cifar"), &(struct dataset_options){.split = "train"},
                           &dataset));
    assert_int_equal(dataset.count, 1);
    dataset_close(&dataset);

    static uint8_t hundred[3074];
    hundred[0] = 19, hundred[1] = 99;
    place_bytes("cifar100/test.bin", hundred, sizeof hundred);
    assert_ok(dataset_open(place("cifar100"), NULL, &dataset));
    assert_int_equal(dataset.n_classes, 100);
    assert_int_equal(dataset.samples[0].label, 99);
    dataset_close(&dataset);

    batch[3073] = 10;
    place_bytes("cifar/test_batch.bin", batch, sizeof batch);
    expect(dataset_open(place("cifar"), NULL, &dataset), ERR_FORMAT,
           "label 10 in record 1");
}

static void pixmaps(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *words;
        enum status st;
    } cases[] = {
        {"P6 # note\n1 1\n255\nabc", NULL, OK},
        {"P5\n1 1 255\na", NULL, OK},
        {"P6\n1 1\n255\nab", "needs 3 bytes of pixels, 2 are there", ERR_FORMAT},
        {"P6\n99999 99999\n255\nab", "longest side", ERR_LIMIT},
        {"P6\n1 1\n65535\nabcabc", "maximum 65535", ERR_FORMAT},
        {"P6\n", "expected sides", ERR_FORMAT},
        {"P6\n1", "expected sides", ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        place_text("pnm/a/x.ppm", cases[i].bytes);
        struct dataset dataset;
        struct sample_data data;
        assert_ok(dataset_open(place("pnm"), NULL, &dataset));
        enum status st = dataset_load(&dataset, 0, &data);
        if (cases[i].st)
            expect(st, cases[i].st, cases[i].words);
        else
            assert_ok(st);
        if (!st)
            assert_int_equal(data.pixels.data[0], 'a');
        sample_data_clear(&data);
        dataset_close(&dataset);
    }
}

static void put_npy(const char *path, const char *header, const void *data, size_t size)
{
    struct text out = {0};
    size_t length = strlen(header);
    text_add_bytes(&out, "\x93NUMPY\1\0", 8);
    text_add_bytes(&out, (const char[]){(char)length, (char)(length >> 8)}, 2);
    text_add(&out, header);
    text_add_bytes(&out, data, size);
    place_bytes(path, out.data, out.size);
    text_clear(&out);
}

#define NPY(type, shape)                                                                 \
    "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }       \n"

static void numpy_arrays(void **state)
{
    (void)state;
    static uint8_t pixels[10000 * 3];
    static int64_t labels[10000];
    pixels[3 * 4000 + 1] = 77; /* the first of severity 3 */
    labels[4000] = 9;
    put_npy("c/fog.npy", NPY("|u1", "(10000, 1, 1, 3)"), pixels, sizeof pixels);
    put_npy("c/labels.npy", NPY("<i8", "(10000,)"), labels, sizeof labels);
    struct dataset dataset;
    struct sample_data data;
    assert_ok(dataset_open(place("c/fog.npy"), &(struct dataset_options){.split = "3"},
                           &dataset));
    assert_int_equal(dataset.count, 2000);
    assert_int_equal(dataset.n_classes, 10);
    assert_string_equal(dataset.samples[0].key, "fog/3/00000");
    assert_int_equal(dataset.samples[0].label, 9);
    assert_ok(dataset_load(&dataset, 0, &data));
    assert_int_equal(data.pixels.data[1], 77);
    sample_data_clear(&data);
    dataset_close(&dataset);
    assert_ok(dataset_open(place("c/fog.npy"), NULL, &dataset));
    assert_int_equal(dataset.count, 10000);
    dataset_close(&dataset);

    static const char *const bad[] = {
        NPY("|u1", "(10000, 1, 2, 3)"),
        NPY("<f4", "(10, 1, 1, 3)"),
        NPY("|u1", "(10000, 1, 1, 4)"),
        NPY("|u1", "(0, 1, 1, 3)"),
        NPY("|u1", "(-1, 1, 1, 3)"),
        NPY("|u1", "(1, 1099511627776, 1099511627776, 3)"),
        NPY("|u1", "(1, 1, 1, 3, 1)"),
        "{}",
        "",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_npy("c/fog.npy", bad[i], pixels, sizeof pixels);
        expect(dataset_open(place("c/fog.npy"), NULL, &dataset), ERR_FORMAT, "fog.npy");
    }
    place_text("c/fog.npy", "no array");
    expect(dataset_open(place("c/fog.npy"), NULL, &dataset), ERR_FORMAT,
           "not a NumPy array");
}

static void names(void **state)
{
    (void)state;
    struct dataset dataset;
    place_text("sets/pets/cat/a.jpg", "1");
    place_text("sets/pets/dog/a.jpg", "1");
    setenv("GAUNTLET_DATASETS", place("sets"), 1);
    assert_ok(dataset_open("pets", NULL, &dataset));
    assert_string_equal(dataset.name, "pets");
    dataset_close(&dataset);
    unsetenv("GAUNTLET_DATASETS");
    expect(dataset_open("pets", NULL, &dataset), ERR_NOTFOUND, "no dataset of that name");
    expect(dataset_open("imagenett", NULL, &dataset), ERR_NOTFOUND,
           "did you mean 'imagenette'");
    expect(dataset_open("cifar10", NULL, &dataset), ERR_NOTFOUND,
           "gauntlet fetch cifar10");
    expect(dataset_open("objectnet", NULL, &dataset), ERR_NOTFOUND, "behind a password");

    /* As if it had been fetched. */
    static uint8_t batch[3073];
    place_bytes("gauntlet/datasets/cifar10/cifar-10-batches-bin/test_batch.bin", batch,
                sizeof batch);
    assert_ok(dataset_open("cifar10", NULL, &dataset));
    assert_string_equal(dataset.name, "cifar10");
    assert_string_equal(dataset.split, "test");
    dataset_close(&dataset);

    const struct dataset_catalogue *catalogue;
    assert_ok(dataset_catalogue_load(&catalogue));
    for (size_t i = 0; i < dataset_catalogue_count(catalogue); i++) {
        const struct dataset_entry *entry = dataset_catalogue_at(catalogue, i);
        assert_ptr_equal(dataset_catalogue_by_name(catalogue, entry->name), entry);
        if (!entry->summary || !entry->licence ||
            (!entry->n_urls && !entry->spec && !entry->note))
            fail_msg("%s lacks a summary, a licence or a way to have it", entry->name);
    }
}

static void make_zoo(struct dataset *dataset)
{
    for (int i = 0; i < 60; i++) {
        char name[64];
        snprintf(name, sizeof name, "zoo/%c/%03d.jpg",
                 i < 5    ? 'a'
                 : i < 30 ? 'b'
                          : 'c',
                 i);
        place_text(name, name);
    }
    assert_ok(dataset_open(place("zoo"), NULL, dataset));
}

static void limits_nest_and_balance(void **state)
{
    (void)state;
    struct dataset dataset;
    make_zoo(&dataset);
    struct subset previous = {0};
    for (size_t limit = 1; limit <= 61; limit++) {
        struct subset subset;
        assert_ok(subset_limit(&dataset, limit, 7, &subset));
        assert_int_equal(subset.count, limit < 60 ? limit : 60);
        int per_class[3] = {0};
        for (size_t i = 0; i < subset.count; i++) {
            per_class[dataset.samples[subset.items[i]].label]++;
            assert_true(!i || subset.items[i - 1] < subset.items[i]);
        }
        if (limit <= 15) /* the smallest class has 5 */
            for (int c = 0; c < 3; c++)
                assert_in_range(per_class[c], limit / 3, (limit + 2) / 3);
        size_t found = 0;
        for (size_t i = 0; i < subset.count && found < previous.count; i++)
            found += subset.items[i] == previous.items[found];
        assert_int_equal(found, previous.count);
        subset_clear(&previous);
        previous = subset;
    }
    struct subset all, other;
    assert_ok(subset_all(&dataset, &all));
    assert_string_equal(all.sha, previous.sha);
    assert_string_equal(previous.spec, "all");
    subset_clear(&previous);
    assert_ok(subset_limit(&dataset, 10, 7, &previous));
    assert_ok(subset_limit(&dataset, 10, 8, &other));
    assert_string_equal(previous.spec, "limit=10 seed=7");
    assert_string_not_equal(previous.sha, other.sha);
    subset_clear(&all);
    subset_clear(&other);
    subset_clear(&previous);
    dataset_close(&dataset);
}

/* Keeps the first sample it ever sees, and counts. */
static bool only_first(void *context, const struct sample_data *data)
{
    return data->size > 0 && (*(size_t *)context)++ == 0;
}

static void ids(void **state)
{
    (void)state;
    struct dataset dataset;
    struct subset subset, same;
    make_zoo(&dataset);
    place_text("ids.txt", "# two\nc/059.jpg \r\na/000.jpg\na/000.jpg\n");
    assert_ok(subset_all(&dataset, &subset));
    size_t all = subset.count, first = 0;
    assert_ok(subset_narrow(&dataset, "one=1", only_first, &first, &subset));
    assert_int_equal(subset.count, 1);
    assert_string_equal(subset.spec, "all one=1");
    assert_int_equal(first, all);
    assert_int_equal(subset_narrow(&dataset, "none=1", only_first, &first, &subset),
                     ERR_USAGE);
    subset_clear(&subset);

    assert_ok(subset_ids(&dataset, place("ids.txt"), &subset));
    assert_int_equal(subset.count, 2);
    assert_int_equal(subset.items[1], 59);
    place_text("ids.txt", "a/000.jpg\nc/059.jpg");
    assert_ok(subset_ids(&dataset, place("ids.txt"), &same));
    assert_string_equal(subset.sha, same.sha);
    subset_clear(&subset);
    subset_clear(&same);
    place_text("ids.txt", "a/000.jpg\na/999.jpg\n");
    expect(subset_ids(&dataset, place("ids.txt"), &subset), ERR_FORMAT,
           "ids.txt:2: no sample");
    place_text("ids.txt", "# none\n");
    expect(subset_ids(&dataset, place("ids.txt"), &subset), ERR_FORMAT,
           "names no sample");
    dataset_close(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders),
        cmocka_unit_test(unlabelled_pictures),
        cmocka_unit_test(manifest_ignores_the_container),
        cmocka_unit_test(labels_of_folders),
        cmocka_unit_test(wnids_match_the_list),
        cmocka_unit_test(imagenet_list),
        cmocka_unit_test(cifar_batches),
        cmocka_unit_test(pixmaps),
        cmocka_unit_test(numpy_arrays),
        cmocka_unit_test(names),
        cmocka_unit_test(limits_nest_and_balance),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, place_open, place_close);
}
