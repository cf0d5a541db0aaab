/* The networks inside the program are those of models/zoo/cards.tsv, which scripts/train_zoo
 * wrote, and still say what they said then. */
#include "tests/test.h"

#include "base/mem.h"
#include "harness/pipeline.h"
#include "harness/suite.h"
#include "models/catalogue.h"
#include "models/zoo.h"

#include <string.h>

enum { FIELDS = 17, FEW = 100 };
enum field { NAME, ARCHITECTURE, TECHNIQUE, PRECISION, TWIN, BYTES, SHA256, RIGHT_OF_FIRST = 15 };

struct card {
    char *field[FIELDS];
};

static struct {
    char *text;
    struct card cards[64];
    size_t count;
} deck;

static int read_cards(void **state)
{
    (void)state;
    struct mapping file;
    if (file_map(source_path("models/zoo/cards.tsv"), &file))
        return -1;
    deck.text = mem_new(file.size + 1);
    memcpy(deck.text, file.data, file.size);
    file_unmap(&file);
    char *rest = deck.text;
    strsep(&rest, "\n"); /* names of the columns */
    for (char *line; (line = strsep(&rest, "\n")) && *line && deck.count < 64; deck.count++)
        for (int i = 0; i < FIELDS; i++)
            deck.cards[deck.count].field[i] = strsep(&line, "\t");
    return 0;
}

static int free_cards(void **state)
{
    (void)state;
    free(deck.text);
    return 0;
}

static const struct card *card_of(const char *name)
{
    for (size_t i = 0; i < deck.count; i++)
        if (!strcmp(deck.cards[i].field[NAME], name))
            return &deck.cards[i];
    return NULL;
}

static struct model *open_by_name(const char *name)
{
    char *path;
    struct model *model;
    assert_ok(catalogue_find(name, &path));
    assert_int_equal(strncmp(path, "zoo:/", 5), 0);
    assert_ok(model_open(path, NULL, &model));
    free(path);
    return model;
}

static void every_file_is_the_cards(void **state)
{
    (void)state;
    size_t networks = 0, bytes = 0;
    for (const struct zoo_file *file = zoo_files; file->name; file++) {
        const char *end = strstr(file->name, ".onnx");
        if (!end)
            continue;
        char *name = mem_format("%.*s", (int)(end - file->name), file->name);
        const struct card *card = card_of(name);
        assert_non_null(card);
        struct model *model = open_by_name(name);
        const struct model_record *record = model_record(model);
        assert_string_equal(record->name, name);
        assert_string_equal(record->file_sha, card->field[SHA256]);
        assert_int_equal(record->file_bytes, atol(card->field[BYTES]));
        assert_string_equal(record->precision, card->field[PRECISION]);
        assert_string_equal(record->arch, card->field[ARCHITECTURE]);
        assert_string_equal(record->twin ? record->twin : "", card->field[TWIN]);
        assert_true(!record->twin || card_of(record->twin));
        assert_false(record->preprocess.guessed);
        model_close(model);
        free(name);
        networks++;
        bytes += file->size;
    }
    assert_int_equal(networks, deck.count);
    assert_true(bytes <= 3000000);
}

static size_t distinct(enum field field)
{
    size_t count = 0;
    for (size_t i = 0; i < deck.count; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first = first && strcmp(deck.cards[k].field[field], deck.cards[i].field[field]);
        count += first;
    }
    return count;
}

static void kinds_are_many(void **state)
{
    (void)state;
    assert_true(distinct(ARCHITECTURE) >= 6);
    assert_true(distinct(TECHNIQUE) >= 4);
    assert_true(distinct(PRECISION) >= 2);
}

/* The pictures as the zoo sees them: all of it has one preparation. */
static void load_pictures(const struct preprocess *preprocess, float *x, int *labels)
{
    struct dataset dataset;
    struct subset subset;
    struct condition condition;
    struct route route;
    size_t area = 3 * (size_t)preprocess->width * (size_t)preprocess->height;
    assert_ok(dataset_open(ZOO_PICTURES, NULL, &dataset));
    assert_ok(subset_limit(&dataset, FEW, 0, &subset));
    assert_ok(condition_parse("clean", &condition));
    assert_ok(route_plan(&condition, preprocess, &route));
    for (size_t i = 0; i < FEW; i++) {
        struct image image;
        const char *stage;
        assert_ok(pipeline_fit(&route, &dataset, subset.items[i], &image, &stage));
        pixels_to_float(image.data, image.width, image.height, x + i * area);
        labels[i] = dataset.samples[subset.items[i]].label;
        image_clear(&image);
    }
    condition_clear(&condition);
    subset_clear(&subset);
    dataset_close(&dataset);
}

static int count_right(const struct model *model, const float *x, const int *labels)
{
    const struct preprocess *p = &model_record(model)->preprocess;
    size_t area = 3 * (size_t)p->width * (size_t)p->height;
    struct session *session;
    int right = 0;
    assert_ok(session_open(model, NULL, &session));
    for (size_t i = 0; i < FEW; i++) {
        float logits[16];
        struct verdict verdict;
        assert_ok(session_forward(session, x + i * area, logits));
        verdict_of_logits(logits, model_record(model)->n_classes, labels[i], &verdict);
        right += verdict.top1 == labels[i];
    }
    session_close(session);
    return right;
}

static void every_network_is_as_right_as_its_card_says(void **state)
{
    (void)state;
    struct model *first = open_by_name(deck.cards[0].field[NAME]);
    const struct preprocess p = model_record(first)->preprocess;
    size_t area = 3 * (size_t)p.width * (size_t)p.height;
    float *x = mem_array(FEW * area, sizeof *x);
    int labels[FEW];
    load_pictures(&p, x, labels);
    char *wanted = model_preprocess_json(first);
    for (size_t i = 0; i < deck.count; i++) {
        const struct card *card = &deck.cards[i];
        struct model *model = open_by_name(card->field[NAME]);
        char *json = model_preprocess_json(model);
        assert_string_equal(json, wanted);
        int right = count_right(model, x, labels);
        if (right != atoi(card->field[RIGHT_OF_FIRST]))
            fail_msg("%s: %d of %d, its card says %s", card->field[NAME], right, FEW,
                     card->field[RIGHT_OF_FIRST]);
        free(json);
        model_close(model);
    }
    free(wanted);
    free(x);
    model_close(first);
}

/* Nothing named: the zoo on its pictures. Data named: the user's matter. */
static void suites_unfold(void **state)
{
    (void)state;
    struct suite *suite;
    assert_ok(suite_new(&suite));
    assert_true(suite_complete(suite));
    assert_int_equal(suite->models_count, deck.count);
    assert_int_equal(suite->datasets_count, 1);
    assert_string_equal(suite->datasets[0].path, ZOO_PICTURES);
    suite_free(suite);

    assert_ok(suite_new(&suite));
    suite_add_dataset(suite, "photos", NULL, NULL, NULL);
    assert_false(suite_complete(suite));
    assert_int_equal(suite->models_count, 0);
    suite_add_model(suite, "a.onnx");
    suite_add_model(suite, "zoo");
    suite_add_model(suite, "b.onnx");
    assert_false(suite_complete(suite));
    assert_int_equal(suite->models_count, deck.count + 2);
    assert_string_equal(suite->models[0].file, "a.onnx");
    assert_non_null(card_of(suite->models[1].file));
    assert_string_equal(suite->models[deck.count + 1].file, "b.onnx");
    suite_free(suite);
}

static void unknown_names_are_errors(void **state)
{
    (void)state;
    char *path;
    assert_int_equal(catalogue_find("zoo:/nothing.onnx", &path), ERR_NOTFOUND);
    assert_null(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_the_cards),
        cmocka_unit_test(kinds_are_many),
        cmocka_unit_test(every_network_is_as_right_as_its_card_says),
        cmocka_unit_test(suites_unfold),
        cmocka_unit_test(unknown_names_are_errors),
    };
    return cmocka_run_group_tests(tests, read_cards, free_cards);
}
