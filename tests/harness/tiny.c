#include "tests/harness/tiny.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"

#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <jpeglib.h>
#include <sqlite3.h>

char tiny_folder[] = "/tmp/gauntlet-test-XXXXXX";

enum { WIDTH = 24, HEIGHT = 20, SIDE = 16, CLASSES = 4 };

static const struct {
    const char *name;
    unsigned char r, g, b;
} colours[CLASSES] = {{"blue", 40, 50, 200},
                      {"green", 50, 190, 60},
                      {"red", 210, 60, 50},
                      {"white", 220, 215, 225}};

static void write_jpeg(const char *path, int colour, int number)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 80, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < HEIGHT; y++) {
        unsigned char row[3 * WIDTH];
        for (int x = 0; x < WIDTH; x++) {
            int shade = (x * 7 + y * 5 + number * 11) % 30 - 15;
            row[3 * x] = (unsigned char)(colours[colour].r + shade);
            row[3 * x + 1] = (unsigned char)(colours[colour].g + shade);
            row[3 * x + 2] = (unsigned char)(colours[colour].b + shade);
        }
        JSAMPROW rows[] = {row};
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
}

static struct value *value_of(struct graph *graph, const char *name,
                              const struct shape *shape)
{
    struct value *value = graph_value(graph, name);
    value->dtype = DTYPE_F32;
    if (shape) {
        value->shape = *shape;
        value->shaped = true;
    }
    return value;
}

static struct value *add(struct graph *graph, const char *op, const char *name,
                         int n_inputs, struct value *const *inputs)
{
    struct node *node = graph_node(graph, op_find("", op, 13), name, n_inputs, 1);
    for (int i = 0; i < n_inputs; i++)
        node->inputs[i] = inputs[i];
    return node->outputs[0] = value_of(graph, name, NULL);
}

/* logits = scale (W mean(x) + b): each colour's row likes it and dislikes the others. */
void tiny_network(const char *name, float scale)
{
    float weights[3 * CLASSES] = {-1, -1, 2, .9f, -1, 2, -1, .9f, 2, -1, -1, .9f};
    float bias[CLASSES] = {0, 0, 0, -1};
    for (int i = 0; i < 3 * CLASSES; i++)
        weights[i] *= scale;
    for (int i = 0; i < CLASSES; i++)
        bias[i] *= scale;
    const struct tensor w = {DTYPE_F32, {2, {3, CLASSES}}, weights, false};
    const struct tensor b = {DTYPE_F32, {1, {CLASSES}}, bias, false};

    struct graph graph = {.name = "tiny", .opset = 13};
    struct value *input =
        value_of(&graph, "input", &(struct shape){4, {-1, 3, SIDE, SIDE}});
    struct value *means = add(&graph, "GlobalAveragePool", "means", 1, &input);
    struct value *flat = add(&graph, "Flatten", "flat", 1, &means);
    struct value *gemm[] = {flat, graph_constant(&graph, "W", &w),
                            graph_constant(&graph, "b", &b)};
    struct value *logits = add(&graph, "Gemm", "logits", 3, gemm);
    graph.inputs = &input;
    graph.outputs = &logits;
    graph.n_inputs = graph.n_outputs = 1;
    assert_ok(graph_update(&graph));

    char *path = mem_format("%s/%s.onnx", tiny_folder, name);
    assert_ok(onnx_write(&graph, path));
    free(path);
    graph_clear(&graph);

    static const char record[] =
        "arch: tiny\ninput: [16, 16]\nresize: 16\nresize_rule: short\n"
        "resizer: pillow-bilinear\norder: rgb\nscale: 1/255\n"
        "mean: [0, 0, 0]\nstd: [1, 1, 1]\nn_classes: 4\n";
    path = mem_format("%s/%s.yaml", tiny_folder, name);
    assert_ok(file_replace(path, record, sizeof record - 1));
    free(path);
}

int tiny_setup(void **state)
{
    (void)state;
    if (!mkdtemp(tiny_folder))
        return -1;
    for (int c = 0; c < CLASSES; c++) {
        char *place = mem_format("%s/data/%s", tiny_folder, colours[c].name);
        assert_ok(file_make_folder(place));
        for (int number = 0; number < 2; number++) {
            char *path = mem_format("%s/%d.jpg", place, number);
            write_jpeg(path, c, number);
            free(path);
        }
        free(place);
    }
    tiny_network("tiny", 8);
    return 0;
}

int tiny_teardown(void **state)
{
    (void)state;
    tiny_shell("rm -rf '%s'", tiny_folder);
    return 0;
}

void tiny_write(const char *name, const char *text)
{
    char *path = mem_format("%s/%s", tiny_folder, name);
    assert_ok(file_replace(path, text, strlen(text)));
    free(path);
}

void tiny_shell(const char *format, ...)
{
    va_list args;
    char *words = NULL;
    va_start(args, format);
    assert_true(vasprintf(&words, format, args) >= 0);
    va_end(args);
    char *line = mem_format("cd '%s' && %s", tiny_folder, words);
    if (system(line))
        fail_msg("%s", line);
    free(line);
    free(words);
}

static struct text output;

const char *tiny_output(void)
{
    return output.data ? output.data : "";
}

void tiny_says(const char *words)
{
    if (!strstr(tiny_output(), words))
        fail_msg("'%s' does not say '%s'", tiny_output(), words);
}

int tiny_run(const char *arguments, ...)
{
    va_list args;
    char *words = NULL;
    va_start(args, arguments);
    assert_true(vasprintf(&words, arguments, args) >= 0);
    va_end(args);
    const char *program = getenv("GAUNTLET_PROGRAM");
    assert_non_null(program);
    char *line = mem_format("cd '%s' && '%s' %s 2>&1", tiny_folder, program, words);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    text_clear(&output);
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, pipe)) > 0)
        text_add_bytes(&output, part, got);
    int status = pclose(pipe);
    free(line);
    free(words);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char results[] =
    "SELECT r.model, r.variant, r.precision, r.dataset, r.subset, r.kind, r.noise, "
    "r.condition,"
    " r.severity, r.eps, r.n, r.acc, r.delta, r.kept, r.flags, c.n_ok, c.n_ok5, "
    "c.n_clean_ok,"
    " c.n_lost, c.n_won, c.n_unread, c.ece, c.forwards, c.backwards, c.key, p.top1, "
    "p.rank,"
    " p.margin, p.queries, p.dist, p.broken_by, p.conf,"
    " (SELECT pairs || flips || spread FROM sequence s WHERE s.cell_id = c.cell_id),"
    " (SELECT group_concat(pos || stage || message) FROM failure f WHERE f.cell_id = "
    "c.cell_id)"
    " FROM result r JOIN cell c USING(cell_id) JOIN pred p USING(cell_id)"
    " ORDER BY r.model, r.variant, r.dataset, r.subset, r.kind, r.condition";

char *tiny_dump(const char *db)
{
    char *path = mem_format("%s/%s", tiny_folder, db);
    sqlite3 *handle;
    sqlite3_stmt *query;
    struct text dump = {0};
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    if (sqlite3_prepare_v2(handle, results, -1, &query, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(handle));
    while (sqlite3_step(query) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(query); i++) {
            const char *value = (const char *)sqlite3_column_text(query, i);
            text_addf(&dump, "%s|", value ? value : "");
        }
        text_add(&dump, "\n");
    }
    sqlite3_finalize(query);
    sqlite3_close(handle);
    free(path);
    return dump.data ? dump.data : mem_copy("");
}

const char *tiny_ask(const char *db, const char *sql)
{
    static char answer[4096];
    char *path = mem_format("%s/%s", tiny_folder, db);
    sqlite3 *handle;
    sqlite3_stmt *query;
    answer[0] = 0;
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    if (sqlite3_prepare_v2(handle, sql, -1, &query, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(handle));
    while (sqlite3_step(query) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(query, 0);
        size_t used = strlen(answer);
        snprintf(answer + used, sizeof answer - used, "%s%s", used ? " " : "",
                 value ? value : "");
    }
    sqlite3_finalize(query);
    sqlite3_close(handle);
    free(path);
    return answer;
}
