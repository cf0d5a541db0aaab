#include "tests/test.h"

#include "tests/natural/cases.h"

#include "base/mem.h"
#include "datasets/dataset.h"
#include "noises/system/system.h"

#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

struct image picture_synthetic(int width, int height, uint64_t seed)
{
    struct image image;
    struct rng rng;
    rng_open(&rng, seed, "picture", "test", 0);
    assert_ok(image_init(&image, width, height, 3));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = image_row(&image, y) + 3 * x;
            bool flat = x<width / 3, noisy = y> height / 2;
            for (int c = 0; c < 3; c++) {
                int slope = (x * (3 - c) + y * (1 + c)) * 255 / (3 * (width + height));
                p[c] = (uint8_t)(flat ? 40 + 80 * c : slope);
                if (noisy && !flat)
                    p[c] = (uint8_t)rng_below(&rng, 256);
            }
            int dx = x - width / 2, dy = y - height / 3;
            if (dx * dx + dy * dy < width * height / 40)
                p[0] = p[1] = 255, p[2] = (uint8_t)(x & 1 ? 0 : 200);
        }
    return image;
}

static void fit(struct image *image, int side)
{
    const struct resizer *resizer;
    struct geometry_rule rule = {
        .resize = side * 8 / 7, .width = side, .height = side, .size = SIZE_TRUNC};
    struct geometry plan;
    struct image out = {0};
    assert_ok(resizer_find("pillow-bilinear", &resizer));
    assert_ok(geometry_plan(image->width, image->height, &rule, &plan));
    assert_ok(image_fit(image, &plan, resizer, NULL, &out));
    image_clear(image);
    *image = out;
}

struct image picture_shared(const char *archive, int index, int side)
{
    struct image image = {0};
    const char *path = shared_path(archive);
    if (!path)
        return image;
    struct dataset dataset;
    struct sample_data data;
    assert_ok(dataset_open(path, NULL, &dataset));
    assert_ok(dataset_load(&dataset, (size_t)index % dataset.count, &data));
    if (data.bytes) {
        const struct decoder *decoder;
        struct decode_options options = {0};
        assert_ok(decoder_find("turbo", &decoder));
        assert_ok(image_decode(decoder, data.bytes, data.size, &options, &image));
    } else {
        assert_ok(image_copy(&data.pixels, &image));
    }
    sample_data_clear(&data);
    dataset_close(&dataset);
    if (side > 0)
        fit(&image, side);
    return image;
}

struct oracle {
    pid_t child;
    FILE *to, *from;
};

extern char **environ;

struct oracle *oracle_open(void)
{
    const char *python = "/usr/bin/python3";
    if (access(python, X_OK) ||
        system("/usr/bin/python3 -c 'import scipy, skimage, cv2, PIL' 2>/dev/null"))
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    int in[2], out[2];
    assert_int_equal(pipe(in) | pipe(out), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    char script[1024], frost[1024];
    snprintf(script, sizeof script, "%s", source_path("tests/natural/oracle.py"));
    const char *folder = shared_path("data/frost");
    snprintf(frost, sizeof frost, "%s", folder ? folder : ".");
    char *argv[] = {strdup(python), script, strdup("--frost"), frost, NULL};
    struct oracle *oracle = mem_new(sizeof *oracle);
    assert_int_equal(posix_spawn(&oracle->child, python, &actions, NULL, argv, environ),
                     0);
    posix_spawn_file_actions_destroy(&actions);
    free(argv[0]);
    free(argv[2]);
    close(in[0]);
    close(out[1]);
    oracle->to = fdopen(in[1], "wb");
    oracle->from = fdopen(out[0], "rb");
    return oracle;
}

/* What a noise does not draw is NULL. */
static void send_words(struct oracle *oracle, const void *words, size_t count)
{
    if (count)
        fwrite(words, 4, count, oracle->to);
}

bool oracle_ask(struct oracle *oracle, const struct natural *natural,
                const struct natural_args *args, const struct image *image,
                const struct natural_draws *draws, struct image *out)
{
    const char *variant = args->params && params_has(args->params, "variant")
                              ? params_word(args->params, "variant")
                              : "original";
    fprintf(oracle->to, "%s %d %s %s %d %d %zu %zu %zu\n", natural->name, args->severity,
            natural_set_name(args->set), variant, image->width, image->height,
            draws->normals, draws->uniforms, draws->integers);
    fwrite(image->data, 1, image_size(image), oracle->to);
    send_words(oracle, draws->normal, draws->normals);
    send_words(oracle, draws->uniform, draws->uniforms);
    send_words(oracle, draws->integer, draws->integers);
    fflush(oracle->to);
    assert_ok(image_init(out, image->width, image->height, 3));
    return fread(out->data, 1, image_size(out), oracle->from) == image_size(out);
}

/* A case without random arrays. */
static bool ask_plain(struct oracle *oracle, const char *name, int severity,
                      enum natural_set set, const char *variant,
                      const struct image *image, struct image *out)
{
    fprintf(oracle->to, "%s %d %s %s %d %d 0 0 0\n", name, severity,
            natural_set_name(set), variant, image->width, image->height);
    fwrite(image->data, 1, image_size(image), oracle->to);
    fflush(oracle->to);
    assert_ok(image_init(out, image->width, image->height, 3));
    return fread(out->data, 1, image_size(out), oracle->from) == image_size(out);
}

bool oracle_ask_frame(struct oracle *oracle, const char *name, int frame,
                      enum natural_set set, const struct image *image, struct image *out)
{
    return ask_plain(oracle, name, frame, set, "frame", image, out);
}

bool oracle_ask_fresh(struct oracle *oracle, const char *name, int severity,
                      enum natural_set set, int seed, const struct image *image,
                      struct image *out)
{
    char variant[32];
    snprintf(variant, sizeof variant, "seed%d", seed);
    return ask_plain(oracle, name, severity, set, variant, image, out);
}

void oracle_close(struct oracle *oracle)
{
    fclose(oracle->to);
    fclose(oracle->from);
    int status;
    waitpid(oracle->child, &status, 0);
    free(oracle);
}
